"""The client for programs that wait."""

import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from voltkeep.client.core import (
    Event,
    EventReader,
    NotReached,
    Page,
    ProblemError,
    Request,
    decoded,
    headers_of,
    pause_s,
    problem_of,
    request,
)
from voltkeep.client.pages import Pages
from voltkeep.client.sync_operations import Operations


class Client(Operations):
    """Asks a server. Calls that may be repeated are, when it is busy or away for a moment.

    ``api_key`` is what `voltkeep apikey add` shows; ``tenant`` is for a key of several.
    """

    def __init__(
        self,
        server: str,
        api_key: str | None = None,
        *,
        tenant: str | None = None,
        timeout_s: float = 30.0,
        retries: int = 4,
        http: httpx.Client | None = None,
    ) -> None:
        self._http = http or httpx.Client(base_url=server, timeout=timeout_s)
        self._timeout_s = timeout_s
        self._retries = retries
        if api_key:
            self._http.headers["authorization"] = f"Bearer {api_key}"
        if tenant:
            self._http.headers["voltkeep-tenant"] = tenant

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End its connections."""
        self._http.close()

    def send(self, asked: Request) -> httpx.Response:
        """Ask, again if need be. Raises ProblemError or NotReached."""
        tried = 0
        while True:
            try:
                return self._once(asked)
            except (ProblemError, NotReached) as error:
                pause = pause_s(asked, tried, error)
                if pause is None or tried >= self._retries:
                    raise
            tried += 1
            time.sleep(pause)

    def _once(self, asked: Request) -> httpx.Response:
        try:
            answer = self._http.request(
                asked.method,
                asked.path,
                params=asked.parameters,
                headers=headers_of(asked),
                content=asked.content,
                timeout=self._timeout_s + asked.patience_s,
            )
        except httpx.TransportError as error:
            raise NotReached(f"{self._http.base_url}: {str(error) or 'no answer'}") from error
        if answer.is_error:
            raise problem_of(answer.status_code, answer.headers, answer.content)
        return answer

    def _call(self, asked: Request, kind: Any) -> Any:
        return decoded(self.send(asked).content, kind)

    def _pages(self, path: str, kind: Any, query: Mapping[str, Any]) -> Pages[Any]:
        def fetch(cursor: str | None) -> Page[Any]:
            asked = request("GET", path, query={**query, "cursor": cursor})
            page: Page[Any] = self._call(asked, Page[kind])
            return page

        return Pages(fetch)

    def _file(self, asked: Request) -> Iterator[bytes]:
        try:
            with self._http.stream(
                asked.method, asked.path, params=asked.parameters, headers=headers_of(asked)
            ) as answer:
                if answer.is_error:
                    raise problem_of(answer.status_code, answer.headers, answer.read())
                yield from answer.iter_bytes()
        except httpx.TransportError as error:
            raise NotReached(f"the file was broken off: {str(error) or 'no answer'}") from error

    def _events(self, asked: Request, *, resume: bool) -> Iterator[Event]:
        reader, failed = EventReader(), 0
        while True:
            headers = headers_of(asked) | {"accept": "text/event-stream"}
            if reader.last_id is not None:
                headers["last-event-id"] = str(reader.last_id)
            try:
                with self._http.stream(
                    "GET", asked.path, params=asked.parameters, headers=headers
                ) as answer:
                    if answer.is_error:
                        raise problem_of(answer.status_code, answer.headers, answer.read())
                    failed = 0
                    for line in answer.iter_lines():
                        if (event := reader.line(line)) is not None:
                            yield event
            except (httpx.TransportError, NotReached, ProblemError) as error:
                away = error if isinstance(error, ProblemError) else NotReached(str(error))
                if not resume or failed >= self._retries or pause_s(asked, 0, away) is None:
                    raise away from error
                failed += 1
            if not resume:
                return
            reader.broken()
            time.sleep(reader.retry_s)
