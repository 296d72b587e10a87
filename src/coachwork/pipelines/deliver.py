"""Webhooks out, signed after Standard Webhooks (https://www.standardwebhooks.com, spec 1.0).

Knows how to sign, send and try again; does not know what is in the payload. The message id is the
run and the step, the same at every try, so a receiver can tell a repeat from a new message.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_jsonable_python

from coachwork.errors import DeliveryFailed, Finding, ProjectError, did_you_mean
from coachwork.messages import Frozen, JsonValue, StepRecord
from coachwork.pipelines.run_scope import current_run
from coachwork.tracing.scope import recorded
from coachwork.tracing.secrets import keep_secret

_PAUSES = (0.5, 2.0, 5.0, 15.0)  # seconds between the tries of one step
_TIMEOUT = 15.0


class WebhookConfig(BaseModel):
    """A receiver in `coachwork.toml`: `[webhooks.NAME]`. The secret comes from the environment or a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(pattern=r"^https?://")
    secret_file: str = ""


class Delivery(Frozen):
    """What the receiver said: its HTTP status, and how many tries it took."""

    id: str
    status: int
    tries: int


async def deliver(name: str, payload: object) -> Delivery:
    """Send `payload` to the receiver `name` of the settings, signed, and wait until it is taken.

    Body: `{"type", "timestamp", "data"}`; any 2xx is a yes. Raises DeliveryFailed when five tries
    failed or the receiver refuses with a 4xx (but 408, 409, 425 and 429, which are tried again).
    """
    run = current_run("deliver()")
    data = to_jsonable_python(payload)
    record = StepRecord(kind="webhook", name=name, label=f"Sending the result to {name}", input=data)

    async def send() -> Delivery:
        message_id = f"{run.run_id}-{run.step_seq}"  # the same at every try, also after a crash
        body = {
            "type": f"{run.pipeline}.{name}",
            "timestamp": datetime.now(UTC).isoformat(),
            "data": {"run_id": run.run_id, **(data if isinstance(data, dict) else {"value": data})},
        }
        delivery = await run.services.webhooks.send(name, message_id, body)
        record.detail = f"answered {delivery.status}" + (f" at try {delivery.tries}" if delivery.tries > 1 else "")
        return delivery

    return await recorded(record, Delivery, send)


class Webhooks:
    """The receivers of a project."""

    def __init__(self, receivers: Mapping[str, WebhookConfig], folder: Path, environ: Mapping[str, str]) -> None:
        self._receivers = dict(receivers)
        self._folder = folder
        self._environ = environ

    def findings(self) -> list[Finding]:
        """Load-time checks: every receiver has a secret."""
        found = []
        for name in self._receivers:
            try:
                self._secret(name)
            except ProjectError as error:
                found.append(Finding("webhooks.secret", "error", error.message, error.hint, f"[webhooks.{name}]"))
        return found

    async def send(self, name: str, message_id: str, body: JsonValue) -> Delivery:
        """Post a signed message, with tries. Raises DeliveryFailed, ProjectError for an unknown name."""
        if name not in self._receivers:
            raise ProjectError(
                f"there is no webhook {name!r}",
                file="coachwork.toml",
                hint=f"{did_you_mean(name, list(self._receivers))} Or add a section [webhooks.{name}] with its url.",
            )
        import httpx2

        url, content = self._receivers[name].url, json.dumps(body, ensure_ascii=False)
        failure = ""
        async with httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False) as client:
            for tries, pause in enumerate((*_PAUSES, None), start=1):
                try:
                    response = await client.post(url, content=content, headers=self._headers(name, message_id, content))
                except httpx2.TransportError as error:
                    failure = f"{type(error).__name__} {error}".strip()
                else:
                    if response.is_success:
                        return Delivery(id=message_id, status=response.status_code, tries=tries)
                    failure = f"it answered {response.status_code}"
                    if response.status_code < 500 and response.status_code not in (408, 409, 425, 429):
                        break
                if pause is not None:
                    await asyncio.sleep(pause)
        raise DeliveryFailed(
            f"the receiver {name!r} at {url} did not take message {message_id}: {failure}",
            hint="Start or repair the receiver, then run this again; the message id stays the same within a run.",
            details={"webhook": name, "tries": tries},
        )

    def _headers(self, name: str, message_id: str, content: str) -> dict[str, str]:
        from standardwebhooks.webhooks import Webhook

        at = datetime.now(UTC)
        return {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(self._secret(name)).sign(message_id, at, content),
        }

    def _secret(self, name: str) -> str:
        variable = f"COACHWORK_WEBHOOK_{name.upper().replace('-', '_')}_SECRET"
        if secret := self._environ.get(variable, "").strip():
            return secret
        file = self._receivers[name].secret_file
        path = self._folder / file
        if file and path.is_file():
            secret = path.read_text().strip()
            keep_secret([secret])
            return secret
        tried = f"{variable} is not set" + (f" and {path} is not there" if file else "")
        raise ProjectError(
            f"the webhook {name!r} has no secret: {tried}",
            file="coachwork.toml",
            hint=f"export {variable}=whsec_$(openssl rand -base64 24), and give the receiver the same one.",
        )
