"""The local cloud: ministack in a process group and a temporary folder of its own."""

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import urllib3
from botocore.config import Config

from garner.runtime.clock import RandomIds, SystemClock
from garner.storage.aws.calls import JsonService, SignedCalls
from garner.storage.aws.credentials import Credentials
from local.environments import ENVIRONMENTS
from local.processes import Child, minimal_environment

REGION = "us-east-1"
ACCESS_KEY = "test"  # the local cloud's root; functions get sessions of their own roles
MAX_FUNCTION_PROCESSES = 40  # about 60 MB each; over it the local cloud answers 429
START_SECONDS = 60.0
STOP_SECONDS = 15.0
LOGS_SECONDS = 600


@dataclass(frozen=True)
class Cloud:
    """A running local cloud, and clients for it with root's rights."""

    url: str
    child: Child
    temporary: Path

    def client(self, service: str) -> Any:  # boto3's clients are made at run time
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=ACCESS_KEY,
            config=Config(retries={"mode": "standard"}, read_timeout=900),
        )

    def calls(self, service: JsonService) -> SignedCalls:
        """What the functions use for the services on the path of their requests."""
        return SignedCalls(
            service,
            self.url,
            REGION,
            credentials=lambda: Credentials(ACCESS_KEY, ACCESS_KEY),
            clock=SystemClock(),
            ids=RandomIds(),
        )

    def save_logs(self, file: Path) -> None:
        """What the functions logged lately; the local cloud forgets it when it ends."""
        logs = self.client("logs")
        since = int((time.time() - LOGS_SECONDS) * 1000)
        with file.open("w") as output:
            for group in logs.describe_log_groups()["logGroups"]:
                name = group["logGroupName"]
                for page in logs.get_paginator("filter_log_events").paginate(
                    logGroupName=name, startTime=since
                ):
                    lines = (event["message"].rstrip() for event in page["events"])
                    output.writelines(f"{name.rpartition('/')[2]} {line}\n" for line in lines)

    def stop(self) -> None:
        self.child.stop(STOP_SECONDS)
        shutil.rmtree(self.temporary, ignore_errors=True)


def start(port: int, state: Path, *, persist: bool) -> Cloud:
    """Starts the local cloud on `port`; with `persist` it keeps its data in `state`."""
    url = f"http://localhost:{port}"
    temporary = Path(tempfile.mkdtemp(prefix="garner-cloud-"))
    environment = minimal_environment(
        GATEWAY_PORT=str(port),
        BIND_HOST="127.0.0.1",
        AWS_ENDPOINT_URL=url,
        MINISTACK_REGION=REGION,
        AUTH="true",
        SFTP_ENABLED="0",
        IOT_MTLS_ENABLED="0",
        LAMBDA_ACCOUNT_CONCURRENCY=str(MAX_FUNCTION_PROCESSES),
        TMPDIR=str(temporary),
        PYTHONDONTWRITEBYTECODE="1",
    )
    if persist:
        environment |= {
            "PERSIST_STATE": "1",
            "STATE_DIR": str(state / "cloud"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(state / "objects"),
        }
    python = ENVIRONMENTS["ministack"][0] / "bin" / "python"
    launcher = Path(__file__).with_name("cloud_launcher.py")
    child = Child("The local cloud", [python, launcher], environment, state / "cloud.log")
    cloud = Cloud(url, child, temporary)
    try:
        child.wait_until(lambda: _answers(port), START_SECONDS)
    except BaseException:
        cloud.stop()
        raise
    # Its first call loads the SAM translator, which takes seconds: meanwhile there is other work.
    Thread(target=cloud.client("cloudformation").list_stacks, daemon=True).start()
    return cloud


def _answers(port: int) -> bool:
    try:
        answer = urllib3.request(
            "GET", f"http://127.0.0.1:{port}/_ministack/health", retries=False, timeout=2
        )
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200
