"""One parser of model outputs after the other over the same cases; the result is JSON on the last line of stdout.

Knows how each library is asked to read a text as a type; runs in whatever environment has it. What raises has
refused; what a library returns goes through the type's own validation, as its users would do.
"""

import importlib.metadata
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 5
Parser = Callable[[str, Any], Any]


def main() -> None:
    logging.disable(logging.CRITICAL)
    data, names = Path(sys.argv[1]), sys.argv[2:]
    cases = shared(data) + further()
    found = {}
    for name in names:
        package, make = PARSERS[name]
        parse = make([case["target"] for case in cases])
        found[name] = {
            "version": importlib.metadata.version(package),
            "cases": [measured(parse, case) for case in cases],
        }
    print(json.dumps(found))


def measured(parse: Parser, case: dict[str, Any]) -> dict[str, Any]:
    best, got = float("inf"), None
    for _ in range(REPEATS):
        began = time.perf_counter()
        try:
            value = parse(case["text"], case["target"])
        except Exception:  # each library has errors of its own, and some leak others: all of them are a refusal
            value, got = None, "REJECT"
        else:
            got = "?"
        best = min(best, time.perf_counter() - began)
    if got == "?":
        got = TypeAdapter(case["target"]).dump_python(value, mode="json")
    return {"set": case["set"], "text": case["text"], "expected": case["expected"], "got": got, "seconds": best}


def shared(data: Path) -> list[dict[str, Any]]:
    path = data / "malformed" / "cases.json"
    if not path.exists():
        return []
    shapes = _tests("prompt_shapes").MALFORMED
    cases = json.loads(path.read_text("utf-8"))["cases"]
    return [
        {"set": "shared", "text": c["text"], "target": shapes[c["schema"]], "expected": c["expected"]} for c in cases
    ]


def further() -> list[dict[str, Any]]:
    """Our own table, where the type is a class: not every library reads a bare list or number."""
    table = _tests("broken_outputs")
    return [
        {
            "set": "further",
            "text": text,
            "target": target,
            "expected": "REJECT" if expected == table.REFUSED else expected,
        }
        for text, target, expected in table.EVERY
        if isinstance(target, type) and issubclass(target, BaseModel)
    ]


def _tests(name: str) -> Any:
    sys.path.insert(0, str(ROOT / "tests"))
    return importlib.import_module(f"prompts.{name}")


# ── The parsers ────────────────────────────────────────────────────────────────────────────────


def coachwork(targets: list[Any]) -> Parser:
    from coachwork.prompts.output import read_output
    from coachwork.prompts.shape import Shape

    shapes = {target: Shape.of(target) for target in targets}
    return lambda text, target: read_output(text, shapes[target]).value


def pydantic_alone(targets: list[Any]) -> Parser:
    adapters = {target: TypeAdapter(target) for target in targets}
    return lambda text, target: adapters[target].validate_json(text)


def json_repair(targets: list[Any]) -> Parser:
    from json_repair import repair_json

    adapters = {target: TypeAdapter(target) for target in targets}
    return lambda text, target: adapters[target].validate_python(repair_json(text, return_objects=True))


def langchain(targets: list[Any]) -> Parser:
    from langchain_core.output_parsers import PydanticOutputParser

    parsers = {target: PydanticOutputParser(pydantic_object=target) for target in targets}
    return lambda text, target: parsers[target].parse(text)


def instructor(targets: list[Any]) -> Parser:
    import instructor
    from instructor.processing.function_calls import openai_schema
    from openai.types.chat import ChatCompletion

    models = {target: openai_schema(target) for target in targets}

    def parse(text: str, target: Any) -> Any:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        answer = {"id": "1", "created": 0, "model": "m", "object": "chat.completion", "choices": [choice]}
        completion = ChatCompletion.model_validate(answer)
        made = models[target].from_response(completion, mode=instructor.Mode.MD_JSON)
        return target.model_validate(made.model_dump())

    return parse


def pydantic_ai(targets: list[Any]) -> Parser:
    from pydantic_ai import Agent, PromptedOutput
    from pydantic_ai.messages import ModelResponse, TextPart
    from pydantic_ai.models.function import FunctionModel

    said = ""

    async def answer(_messages: Any, _info: Any) -> ModelResponse:
        return ModelResponse(parts=[TextPart(said)])

    agents = {
        target: Agent(FunctionModel(answer), output_type=PromptedOutput(target), retries=0) for target in set(targets)
    }

    def parse(text: str, target: Any) -> Any:
        nonlocal said
        said = text
        return agents[target].run_sync("x").output

    return parse


# ── BAML has a language of its own: the types are written in it, and its client is generated ───


def baml(targets: list[Any]) -> Parser:
    folder = Path.cwd() / "baml_project"
    source = folder / "baml_src"
    source.mkdir(parents=True, exist_ok=True)
    (source / "main.baml").write_text(baml_source({target.__name__: target for target in targets}))
    command = Path(sys.executable).with_name("baml-cli")
    subprocess.run([str(command), "generate", "--from", str(source)], check=True, stdout=sys.stderr, timeout=120)
    sys.path.insert(0, str(folder))
    client = importlib.import_module("baml_client").b

    def parse(text: str, target: Any) -> Any:
        made = getattr(client.parse, f"Read{target.__name__}")(text)
        return target.model_validate(made.model_dump(mode="json"))

    return parse


def baml_source(targets: dict[str, Any]) -> str:
    classes: dict[str, str] = {}
    for name, target in targets.items():
        schema = target.model_json_schema()
        for each, body in ({name: schema} | schema.get("$defs", {})).items():
            body = schema["$defs"].get(name, body) if "$ref" in body else body
            if "properties" in body:
                fields = "".join(
                    f"  {field} {_baml(part, field in body.get('required', []))}\n"
                    for field, part in body["properties"].items()
                )
                classes[each] = f"class {each} {{\n{fields}}}\n"
            elif "enum" in body:
                classes[each] = f"type {each} = {' | '.join(map(json.dumps, body['enum']))}\n"
    functions = "".join(
        f'function Read{name}(text: string) -> {name} {{\n  client "openai/gpt-4o"\n  prompt #"{{{{ ctx.output_format }}}}"#\n}}\n'  # noqa: E501
        for name in targets
    )
    version = importlib.metadata.version("baml-py")
    generator = f'generator target {{\n  output_type "python/pydantic"\n  output_dir "../"\n  version "{version}"\n}}\n'
    return generator + "\n".join(classes.values()) + functions


def _baml(schema: dict[str, Any], required: bool) -> str:
    written = _baml_type(schema)
    return written if required or "null" in written else f"({written})?"


def _baml_type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    if "const" in schema or "enum" in schema:
        values = [schema["const"]] if "const" in schema else schema["enum"]
        return "(" + " | ".join(json.dumps(value) for value in values) + ")"
    if union := schema.get("anyOf") or schema.get("oneOf"):
        return "(" + " | ".join(dict.fromkeys(_baml_type(each) for each in union)) + ")"
    if schema["type"] == "array":
        return f"{_baml_type(schema['items'])}[]"
    return {"integer": "int", "number": "float", "boolean": "bool", "string": "string", "null": "null"}[schema["type"]]


PARSERS: dict[str, tuple[str, Callable[[list[Any]], Parser]]] = {
    "coachwork": ("coachwork", coachwork),
    "pydantic": ("pydantic", pydantic_alone),
    "json_repair": ("json_repair", json_repair),
    "baml": ("baml-py", baml),
    "instructor": ("instructor", instructor),
    "pydantic-ai": ("pydantic-ai-slim", pydantic_ai),
    "langchain": ("langchain-core", langchain),
}

if __name__ == "__main__":
    main()
