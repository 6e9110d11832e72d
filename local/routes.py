"""Gives the local cloud the routes and the CORS of the deployed template.

It ignores the OpenAPI document that SAM makes of the functions' `HttpApi` events, so the routes are
made from that same document by the calls of the HTTP API itself. Running it again replaces them.
"""

import json
from typing import Any

from local.cloud import Cloud

INTEGRATION = "x-amazon-apigateway-integration"
CORS = {
    "allowOrigins": "AllowOrigins",
    "allowMethods": "AllowMethods",
    "allowHeaders": "AllowHeaders",
    "exposeHeaders": "ExposeHeaders",
    "maxAge": "MaxAge",
}


def import_routes(cloud: Cloud, stack: str) -> str:
    """Returns the id of the stack's API once it has its routes."""
    formation = cloud.client("cloudformation")
    template = formation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    template = json.loads(template) if isinstance(template, str) else template
    physical = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in formation.describe_stack_resources(StackName=stack)["StackResources"]
    }
    name, body = next(
        (name, resource["Properties"]["Body"])
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::ApiGatewayV2::Api"
    )
    gateway, api_id = cloud.client("apigatewayv2"), str(physical[name])
    _clear(gateway, api_id)
    _create(gateway, api_id, body["paths"], physical)
    cors = body.get("x-amazon-apigateway-cors", {})
    gateway.update_api(
        ApiId=api_id, CorsConfiguration={CORS[key]: value for key, value in cors.items()}
    )
    return api_id


def _clear(gateway: Any, api_id: str) -> None:
    for route in gateway.get_routes(ApiId=api_id).get("Items", []):
        gateway.delete_route(ApiId=api_id, RouteId=route["RouteId"])
    for integration in gateway.get_integrations(ApiId=api_id).get("Items", []):
        gateway.delete_integration(ApiId=api_id, IntegrationId=integration["IntegrationId"])


def _create(gateway: Any, api_id: str, paths: Any, physical: dict[str, str]) -> None:
    integrations: dict[str, str] = {}
    for path, methods in paths.items():
        for method, operation in methods.items():
            function = _function(operation)
            if function not in integrations:
                integrations[function] = gateway.create_integration(
                    ApiId=api_id,
                    IntegrationType="AWS_PROXY",
                    IntegrationUri=physical[function],
                    PayloadFormatVersion="2.0",
                )["IntegrationId"]
            verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            gateway.create_route(
                ApiId=api_id,
                RouteKey=path if path == "$default" else f"{verb} {path}",
                Target=f"integrations/{integrations[function]}",
            )


def _function(operation: Any) -> str:
    """The logical id in `…/functions/${SearchFunctionAliaslive}/invocations`, or in `….Arn}/…`."""
    uri: str = operation[INTEGRATION]["uri"]["Fn::Sub"]
    return uri.rpartition("${")[2].partition("}")[0].removesuffix(".Arn")
