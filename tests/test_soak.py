from __future__ import annotations

import pytest
from processes import HAS_PROC
from soak import soak


@pytest.mark.skipif(not HAS_PROC, reason="reads its memory from /proc")
def test_soak__a_few() -> None:
    """Of digests to eight chats with faults, each is shown once or told not to be; nothing is left behind."""
    count = soak(20)
    assert count.wrong == []
    assert sum(count.statuses.values()) == 8 * (20 - count.unposted)
    assert count.statuses["accepted"] > 100
    assert count.failed > 0
