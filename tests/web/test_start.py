"""The page where the first administrator is made."""

import base64
import hashlib
import re

from tests.web.api.conftest import running_api


async def test_the_page_runs_what_is_in_it_and_nothing_else():
    async with running_api() as api:
        answer = await api.by(None).get("http://voltkeep.test/setup")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.search(r"\bon\w+=|style=|https?://", answer.text)
