"""Documents of a bucket that speaks S3. Knows keys and ETags; credentials come from the environment as boto3 reads
them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from coachwork.errors import NotInstalled, SourceUnavailable
from coachwork.knowledge.opened import too_large
from coachwork.knowledge.parse import PARSERS, format_of
from coachwork.knowledge.sources.config import S3Config
from coachwork.knowledge.sources.contract import Item


class Bucket:
    """The objects below a prefix, named as they are below it. Those that have not changed are not fetched."""

    def __init__(self, config: S3Config, limit: int) -> None:
        self._config = config
        self._limit = limit

    async def items(self, known: Mapping[str, str]) -> AsyncIterator[Item]:
        where = f"s3://{self._config.bucket}/{self._config.prefix}"
        client, failures = _client(self._config)
        token = ""
        while True:
            try:
                page = await asyncio.to_thread(self._listed, client, token)
            except failures as error:
                raise SourceUnavailable(where, _why(error)) from None
            for found in page.get("Contents", ()):
                if found["Key"].endswith("/"):
                    continue  # how consoles write an empty folder
                try:
                    yield await self._item(client, found, known)
                except failures as error:
                    yield Item(self._name(found), reason=f"it can't be fetched: {_why(error)}", keep=True)
            token = page.get("NextContinuationToken", "")
            if not token:
                return

    def _listed(self, client: Any, token: str) -> dict[str, Any]:
        more = {"ContinuationToken": token} if token else {}
        found: dict[str, Any] = client.list_objects_v2(Bucket=self._config.bucket, Prefix=self._config.prefix, **more)
        return found

    def _name(self, found: Mapping[str, Any]) -> str:
        key: str = found["Key"]
        return key[len(self._config.prefix) :].lstrip("/") or key.rpartition("/")[2]

    async def _item(self, client: Any, found: Mapping[str, Any], known: Mapping[str, str]) -> Item:
        name, version = self._name(found), str(found["ETag"])
        if format_of(name) not in PARSERS:
            return Item(name, reason=f"files of type .{format_of(name)} are not read")
        if found["Size"] > self._limit:
            return Item(name, reason=too_large(found["Size"], self._limit))
        if known.get(name) == version:
            return Item(name, version=version)
        data, version = await asyncio.to_thread(self._fetched, client, found["Key"])
        return Item(name, data, version)

    def _fetched(self, client: Any, key: str) -> tuple[bytes, str]:
        answer = client.get_object(Bucket=self._config.bucket, Key=key)
        with answer["Body"] as body:
            return body.read(self._limit + 1), str(answer["ETag"])  # one more byte: it may have grown since


def _client(config: S3Config) -> tuple[Any, tuple[type[Exception], ...]]:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ModuleNotFoundError as error:
        raise NotInstalled(
            f"a bucket as a source needs the Python package {error.name!r}",
            hint='Install it: pip install "coachwork[s3]"',
        ) from None
    options = Config(connect_timeout=10, read_timeout=60, retries={"max_attempts": 3, "mode": "standard"})
    client = boto3.client("s3", endpoint_url=config.endpoint or None, region_name=config.region or None, config=options)
    return client, (BotoCoreError, ClientError)


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
