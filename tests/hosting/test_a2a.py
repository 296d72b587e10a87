"""A hosted agent whose question is answered over A2A, where the application lets agents of others decide."""

from typing import Any

import pytest

from .served import Hosting
from .test_asking import wants

pytestmark = pytest.mark.slow


def said(lab: Hosting, *parts: dict[str, Any], task: str = "") -> dict[str, Any]:
    """What the agent answers to a message, by JSON-RPC."""
    assert lab.http is not None
    message = {"messageId": f"m{lab.provider.asked}{task}", "role": "ROLE_USER", "parts": parts, "taskId": task}
    body = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message}}
    answer: dict[str, Any] = lab.http.post("/a2a/mailer", json=body, headers={"a2a-version": "1.0"}).json()
    return answer


def test_a_question_is_shown_and_answered_with_other_arguments(lab: Hosting) -> None:
    wants(lab, "mailer")
    task = said(lab, {"text": "write to Ann"})["result"]["task"]
    assert task["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    question, shown = task["status"]["message"]["parts"]
    assert question["text"] == "Allow send_mail?"
    assert shown["data"]["value"] == {"tool": "send_mail", "arguments": {"to": "Ann"}}
    assert "is no answer" in said(lab, {"text": "perhaps"}, task=task["id"])["error"]["message"]
    edited = {"tool": "send_mail", "arguments": {"to": "Bob"}}
    done = said(lab, {"data": {"decision": "edit", "value": edited}}, task=task["id"])["result"]["task"]
    assert done["artifacts"][0]["parts"] == [{"text": "The tool said: sent to Bob"}]
