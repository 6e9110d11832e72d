"""What the local cloud leaves out of a deployed template, done by the calls that it does take."""

from local.cloud import Cloud


def mend(cloud: Cloud, table: str) -> None:
    """Applies the time to live of the table and the concurrency of the event sources.

    Both are ignored where the template has them, the second because a parameter is a string there.
    """
    cloud.client("dynamodb").update_time_to_live(
        TableName=table,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
    )
    functions = cloud.client("lambda")
    for source in functions.list_event_source_mappings()["EventSourceMappings"]:
        concurrency = source.get("ScalingConfig", {}).get("MaximumConcurrency")
        if concurrency is not None:
            functions.update_event_source_mapping(
                UUID=source["UUID"], ScalingConfig={"MaximumConcurrency": int(concurrency)}
            )
