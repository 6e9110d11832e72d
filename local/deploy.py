"""Builds the real template with the SAM CLI and deploys it to the local cloud."""

import fcntl
import hashlib
import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.cloud import ACCESS_KEY, REGION, Cloud
from local.environments import ENVIRONMENTS, ROOT
from local.processes import StartFailed, minimal_environment

STACK = "garner"
BUILT = ROOT / ".local" / "build"
SOURCES = ("template.yaml", "functions", "layers")
ARTIFACTS_BUCKET = "garner-artifacts"


def build() -> bool:
    """Builds for this machine what changed since the last time; False if nothing did."""
    BUILT.parent.mkdir(parents=True, exist_ok=True)
    with BUILT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, fingerprint = BUILT.with_suffix(".stamp"), _fingerprint()
        if stamp.exists() and stamp.read_text() == fingerprint:
            return False
        stamp.unlink(missing_ok=True)
        site = next((ENVIRONMENTS["layer"][0] / "lib").glob("python3*")) / "site-packages"
        _sam(
            ["build", "--template-file", "template.yaml", "--build-dir", str(BUILT)],
            {"LAYER_HOST": str(site), "PYTHON": sys.executable},
        )
        _as_json(BUILT / "template.yaml")
        stamp.write_text(fingerprint)
    return True


def deploy(cloud: Cloud, parameters: Mapping[str, str]) -> None:
    """Deploys the build as the stack `garner`."""
    cloud.client("s3").create_bucket(Bucket=ARTIFACTS_BUCKET)
    with _as_file({"Release": secrets.token_hex(5), **parameters}) as file:
        _sam(
            [
                "deploy",
                *("--template-file", str(BUILT / "template.yaml")),
                *("--stack-name", STACK),
                *("--s3-bucket", ARTIFACTS_BUCKET),
                *("--capabilities", "CAPABILITY_IAM"),
                "--no-confirm-changeset",
                "--no-fail-on-empty-changeset",
                "--no-progressbar",
                *("--parameter-overrides", f"file://{file}"),
            ],
            {
                "AWS_ENDPOINT_URL": cloud.url,
                "AWS_ACCESS_KEY_ID": ACCESS_KEY,
                "AWS_SECRET_ACCESS_KEY": ACCESS_KEY,
                "SAM_CLI_POLL_DELAY": "0.5",
            },
        )


@contextmanager
def _as_file(parameters: Mapping[str, str]) -> Iterator[Path]:
    """Only we can read it. As arguments everybody could, and a space would end a value."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(dict(parameters), file)  # which is YAML too
        file.flush()
        yield Path(file.name)


def outputs(cloud: Cloud) -> dict[str, str]:
    """The outputs of the deployed stack."""
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def _as_json(template: Path) -> None:
    """Rewrites a built template in JSON: the SAM CLI reads it seven times in a deployment, which
    takes a third of its time in YAML (6 s of 18 s) and none in JSON."""
    read = (
        "import json, sys; from samcli.yamlhelper import yaml_parse; "
        "print(json.dumps(yaml_parse(sys.stdin.read())))"
    )
    result = subprocess.run(
        [ENVIRONMENTS["sam"][0] / "bin" / "python", "-c", read],
        input=template.read_text(),
        capture_output=True,
        text=True,
        check=True,
    )
    template.write_text(result.stdout)


def _sam(arguments: list[str], extra: Mapping[str, str]) -> None:
    environment = minimal_environment(
        AWS_REGION=REGION, AWS_DEFAULT_REGION=REGION, SAM_CLI_TELEMETRY="0", **extra
    )
    sam = ENVIRONMENTS["sam"][0] / "bin" / "sam"
    command = [str(sam), *arguments]
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise StartFailed(f"sam {arguments[0]} failed:\n{result.stdout}\n{result.stderr}"[-6000:])


def _fingerprint() -> str:
    digest = hashlib.sha256(str(ROOT).encode())
    for path in _files():
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    for source in SOURCES:
        place = ROOT / source
        found = [place] if place.is_file() else place.rglob("*")
        yield from sorted(p for p in found if p.is_file() and "__pycache__" not in p.parts)
