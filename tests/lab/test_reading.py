"""What comes is read as strictly as it is specified, and a mistake is put into words."""

import pytest
from msgspec import Raw

from voltkeep.lab.ocpp16 import reading
from voltkeep.lab.verdicts import Failed
from voltkeep.ocpp import frames
from voltkeep.ocpp.v16 import GetLogRequest, ReserveNowRequest

RESERVE = (
    '{{"connectorId":1,"expiryDate":"2026-01-01T00:00:00Z","idTag":"A","reservationId":{}}}'
).format


@pytest.mark.parametrize(
    "frame",
    [
        '[2,"1","Heartbeat",{}]',
        '[3,"1",{}]',
        '[3,"1",null]',
        '[4,"1","GenericError","",{}]',
        b'[3,"1",{"a":"\xc3\xa9"}]',
    ],
)
def test_a_frame_of_as_many_elements_as_it_has_is_read(frame):
    assert reading.frame(frame).id == "1"


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ('[2,"1","Heartbeat",{},{}]', "length"),
        ('[3,"1",{},{}]', "4 elements, and not 3"),
        ('[3,"1",{},"more",7]', "5 elements, and not 3"),
        ('[4,"1","GenericError"]', "3 elements, and not 5"),
        ('[4,"1","GenericError",""]', "4 elements, and not 5"),
        ('[4,"1","GenericError",null,{}]', "errorDescription is null"),
        ('[4,"1","GenericError","",null]', "object"),
        ('[4,"1","GenericError","",{},{}]', "6 elements, and not 5"),
    ],
)
def test_a_frame_of_more_or_fewer_elements_is_none(frame, words):
    with pytest.raises(frames.UNREADABLE, match=words):
        reading.frame(frame)


@pytest.mark.parametrize("id", [-(2**31), 0, 2**31 - 1])
def test_an_integer_of_32_bits_is_read(id):
    message = reading.payload(ReserveNowRequest, Raw(RESERVE(id).encode()), "ReserveNow.req")

    assert message.reservation_id == id


@pytest.mark.parametrize("id", [-(2**31) - 1, 2**31, 1_763_800_000_000])
def test_an_integer_of_more_bits_is_a_failure_that_says_so(id):
    with pytest.raises(Failed, match=f"expected ReserveNow.req; came {id}"):
        reading.payload(ReserveNowRequest, Raw(RESERVE(id).encode()), "ReserveNow.req")


def test_an_integer_is_found_wherever_it_is():
    text = '{"logType":"SecurityLog","requestId":1,"log":{"remoteLocation":"x"},"retries":%d}'

    reading.payload(GetLogRequest, Raw((text % 3).encode()), "GetLog.req")
    with pytest.raises(Failed, match="32 bits"):
        reading.payload(GetLogRequest, Raw((text % 2**40).encode()), "GetLog.req")
