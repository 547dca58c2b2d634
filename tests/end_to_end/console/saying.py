"""What anybody may say in words of their own, as hostile as can be, so that pages show it all."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.end_to_end.console.browsing import PASSWORD
from tests.end_to_end.console.wire import wire
from tests.web.certificates import signed

NAME = "HOSTILE-1"  # of OCPP 1.6
NEWER = "HOSTILE-2"  # of OCPP 2.0.1
IMAGE = "<img src=//evil.example/x onerror=alert(1)>"
SHORT = "<svg/onload=alert()>"  # as much as OCPP 1.6 gives a vendor, a model or a card
BREAKS_OUT = "\"'></textarea></script><script src=//evil.example/x></script>"
HREF = "javascript:alert(1)//{{7*7}}${7*7}"
LONG = "W" * 48  # what has no place to break

_AT = "2026-01-01T00:00:00Z"
_REFUSES = {"status": "Rejected", "statusInfo": {"reasonCode": SHORT, "additionalInfo": IMAGE}}

_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


async def say_it_all(station):
    """What a station may say over OCPP 1.6."""
    await station.say(
        "BootNotification",
        chargePointVendor=SHORT,
        chargePointModel=SHORT,
        chargePointSerialNumber=SHORT,
        firmwareVersion=IMAGE,
        iccid=SHORT,
        imsi=SHORT,
        meterType=SHORT,
        meterSerialNumber=SHORT,
    )
    said = {"info": IMAGE, "vendorErrorCode": IMAGE, "vendorId": BREAKS_OUT}
    await station.status("Charging", 1)
    await station.status("Faulted", 2, **said | {"errorCode": "OtherError"})
    await station.say("Authorize", idTag=SHORT)
    started = await station.say(
        "StartTransaction", connectorId=1, idTag="DEADBEEF", meterStart=0, timestamp=_AT
    )
    sampled = [{"value": "7000", "measurand": "Power.Active.Import", "unit": "W"}]
    values = [{"timestamp": "2026-01-01T00:01:00Z", "sampledValue": sampled}]
    number = started["transactionId"]
    await station.say("MeterValues", connectorId=1, transactionId=number, meterValue=values)
    event = {"type": IMAGE, "timestamp": _AT, "techInfo": BREAKS_OUT}
    await station.say("SecurityEventNotification", **event)
    await station.say("DataTransfer", vendorId=IMAGE, messageId=SHORT, data=BREAKS_OUT)


async def say_it_anew(station):
    """What a station may say over OCPP 2.0.1."""
    strange = {"vendorId": IMAGE, SHORT: BREAKS_OUT}
    await station.say(
        "BootNotification",
        reason="PowerUp",
        chargingStation={
            "vendorName": IMAGE,
            "model": SHORT,
            "serialNumber": SHORT,
            "firmwareVersion": IMAGE,
            "modem": {"iccid": SHORT, "imsi": SHORT},
        },
        customData=strange,
    )
    status = {"connectorStatus": "Available", "timestamp": _AT}
    await station.say("StatusNotification", evseId=1, connectorId=1, **status)
    component, variable = {"name": IMAGE, "instance": SHORT}, {"name": BREAKS_OUT[:50]}
    about = {"component": component, "variable": variable}
    event = {
        "eventId": 1,
        "timestamp": _AT,
        "trigger": "Alerting",
        "actualValue": BREAKS_OUT,
        "techCode": SHORT,
        "techInfo": IMAGE,
        "eventNotificationType": "HardWiredNotification",
    }
    await station.call("NotifyEvent", generatedAt=_AT, seqNo=0, eventData=[event | about])
    await station.say(
        "TransactionEvent",
        eventType="Started",
        timestamp=_AT,
        triggerReason="CablePluggedIn",
        seqNo=0,
        transactionInfo={"transactionId": SHORT, "chargingState": "Charging"},
        idToken={"idToken": SHORT, "type": "Central"},
        evse={"id": 1, "connectorId": 1},
        customData=strange,
    )
    await station.say("SecurityEventNotification", type=IMAGE, timestamp=_AT, techInfo=BREAKS_OUT)
    await station.say("DataTransfer", vendorId=IMAGE, messageId=SHORT, data={SHORT: BREAKS_OUT})
    for number in station.asked.get("GetBaseReport", ())[:1]:
        value = {"type": "Actual", "value": BREAKS_OUT, "mutability": "ReadWrite"}
        data = [about | {"variableAttribute": [value]}]
        report = {"requestId": number["requestId"], "generatedAt": _AT, "seqNo": 0}
        await station.say("NotifyReport", **report, reportData=data)


ANSWERS = {"GetBaseReport": {"status": "Accepted"}, "ReserveNow": _REFUSES, "Reset": _REFUSES}
"""What the newer station answers; to everything else, with an error that has such words."""


def root(name):
    """A root certificate whose owner calls themselves that, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    signs = (x509.BasicConstraints(ca=True, path_length=None), _SIGNS)
    return signed(key, name, days=30, extensions=signs).public_bytes(Encoding.PEM).decode()


async def fill_in(client, receiver):
    """What people may write where others read it. ``receiver`` is an address for a webhook."""
    site = {"id": "evil", "name": IMAGE, "address": [BREAKS_OUT], "note": IMAGE}
    place = {"latitude": 52.0, "longitude": 13.0}
    template = {"name": "evil", "note": IMAGE, "sites": ["evil"]}
    make = {"vendor": SHORT, "model": IMAGE, "firmware": BREAKS_OUT}
    for address, body in (
        ("/sites", site | place),
        ("/stations", {"id": NAME, "site": "evil", "note": IMAGE, "security_profile": 1}),
        ("/stations", {"id": NEWER, "site": "evil", "note": IMAGE, "security_profile": 1}),
        ("/stations", {"id": LONG, "note": HREF, "security_profile": 2}),
        ("/tokens", {"value": SHORT, "note": IMAGE, "group": "<b>G</b>"}),
        ("/users", {"name": "eve", "role": "viewer", "sites": ["evil"], "password": PASSWORD}),
        ("/api-keys", {"name": IMAGE, "scopes": ["stations:read"]}),
        ("/tenants", {"id": "evil", "title": IMAGE}),
        ("/trusted-roots", {"use": "ManufacturerRootCertificate", "pem": root(IMAGE)}),
        ("/trusted-roots", {"use": "V2GRootCertificate", "pem": root(BREAKS_OUT), "station": NAME}),
        (
            "/configuration/templates",
            template | {"makes": [make], "values": [{"variable": IMAGE, "value": BREAKS_OUT}]},
        ),
        ("/firmware-images", {"id": "evil", "url": f"https://example.com/{SHORT}?{HREF}"}),
        ("/webhooks", {"url": f"https://example.com/{IMAGE}".replace(" ", "+")}),
        ("/webhooks", {"url": receiver, "description": IMAGE}),
    ):
        answer = await client.post(address, json=body)
        assert answer.status_code == 201, (address, answer.text)
    rows = {
        "tokens": f'value,note\r\n"{SHORT}","{IMAGE}"\r\n"{IMAGE}{IMAGE}",x\r\n',
        "stations": f'id,note\r\n"{IMAGE}",x\r\n',
    }
    for kind, text in rows.items():
        path, csv = f"/imports/{kind}", {"content-type": "text/csv"}
        answer = await client.post(path, content=text.encode(), headers=csv)
        assert answer.status_code == 202, answer.text


async def act(client, station):
    """What people ask for, and what the stations answer."""
    said = {"command": "Reserve", "id_token": {"value": SHORT}, "group": SHORT, "evse": {"id": 1}}
    ask = f"/stations/{NEWER}/commands?wait=10"
    for body in (
        said | {"expires_at": "2099-01-01T00:00:00Z"},
        {"command": "ClearCache"},
    ):
        asked = asyncio.create_task(client.post(ask, json=body))
        while not asked.done():
            await station.say("Heartbeat")
        answer = asked.result()
        assert answer.status_code == 202, answer.text
    many = {"which": {"vendor": SHORT}, "ask": {"command": "ClearCache"}}
    answer = await client.post("/commands/bulk", json=many)
    assert answer.status_code == 202, answer.text
    wish = {"image": "evil", "version": IMAGE, "unsigned": True}
    for which in ({"stations": [LONG]}, {"vendor": SHORT}):
        answer = await client.post("/campaigns", json={"firmware": wish, "which": which})
        assert answer.status_code == 202, answer.text
    for each in (await client.get("/webhooks")).json()["items"]:
        await client.post(f"/webhooks/{each['id']}/test")


@asynccontextmanager
async def receiver():
    """An endpoint of a webhook that answers in such words; its address."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        body = f"<html><script>alert(1)</script>{IMAGE}{BREAKS_OUT}".encode()
        head = f"HTTP/1.1 500 {SHORT}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1")
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"


@asynccontextmanager
async def everything_said(console):
    """A console in which everything that can be said is hostile; the station of OCPP 1.6."""
    async with AsyncExitStack() as stack, console.api() as client:
        await fill_in(client, await stack.enter_async_context(receiver()))
        url = console.server.urls[1]
        keys = [
            bytes.fromhex((await client.post(f"/stations/{name}/key")).json()["key"])
            for name in (NAME, NEWER)
        ]
        older = await stack.enter_async_context(wire(url, NAME, keys[0]))
        newer = await stack.enter_async_context(
            wire(url, NEWER, keys[1], "ocpp2.0.1", ANSWERS, IMAGE)
        )
        await say_it_all(older)
        await say_it_anew(newer)
        await act(client, newer)
        yield older
