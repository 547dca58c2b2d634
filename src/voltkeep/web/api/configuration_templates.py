"""Templates of configuration: what stations shall be like."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import Response, delete, get, post, put
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, Struct

from voltkeep.domain.accounts import Permission, Principal
from voltkeep.domain.configuration import MakePrefix, Template
from voltkeep.domain.device_model import Attribute, BadVariable, VariableValue, variable
from voltkeep.domain.identity import StationId
from voltkeep.web.access import Given, Known, Paging, Who, check_sees_every_site
from voltkeep.web.editing import IfMatch, tagged, unchanged
from voltkeep.web.paging import DEFAULT_LIMIT, Cursor, Limit, Page
from voltkeep.web.problems import Asked, Unfit

_Name = Annotated[str, Meta(max_length=48)]
_LONGEST = 500
_Text = Annotated[str, Meta(max_length=_LONGEST)]
_Value = Annotated[str, Meta(max_length=2500)]
TemplateName = Annotated[str, PathParameter(description="The template's name.")]


class TemplateValue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value that a variable shall have."""

    variable: _Text
    value: _Value
    attribute: Attribute = Attribute.ACTUAL


class TemplateMake(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stations whose make begins like this."""

    vendor: Annotated[str, Meta(min_length=1, max_length=100)]
    model: Annotated[str, Meta(max_length=100)] = ""
    firmware: Annotated[str, Meta(max_length=100)] = ""


class TemplateContent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stations shall be like: those of these sites and makes, and those it is assigned to.

    With ``after_boot`` what differs is written each time a station has booted.
    """

    values: Annotated[list[TemplateValue], Meta(min_length=1, max_length=1000)]
    sites: Annotated[list[_Name], Meta(max_length=1000)] = []
    makes: Annotated[list[TemplateMake], Meta(max_length=100)] = []
    after_boot: bool = False
    note: Annotated[str, Meta(max_length=2000)] = ""


class NewTemplate(TemplateContent, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A template, and the name that it shall have."""

    name: _Name


class TemplateOut(Struct, frozen=True, kw_only=True):
    """A template."""

    name: str
    values: list[TemplateValue]
    sites: list[str]
    makes: list[TemplateMake]
    after_boot: bool
    note: str
    at: datetime


@get("/configuration/templates", needs=Permission.READ_STATIONS)
async def list_templates(
    request: Asked,
    principal: Who,
    services: Given,
    cursors: Paging,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[TemplateOut]:
    """The templates there are, in order of name."""
    after: str = cursors.place(request, cursor, str) or ""
    found = [each for each in await services.templates.all(principal.tenant) if each.id > after]
    following = cursors.after(request, found[limit - 1].id) if len(found) > limit else None
    return Page(items=[out(each) for each in found[:limit]], next=following)


@post("/configuration/templates", needs=Permission.WRITE_STATIONS)
async def add_template(
    data: JSONBody[NewTemplate], principal: Who, services: Given
) -> Response[TemplateOut]:
    """Keep a template. Nothing is written before it is applied, or a station boots."""
    template = _template(principal, data.name, data)
    return tagged(out(await services.templates.add(template)), 201)


@get("/configuration/templates/{template:str}", needs=Permission.READ_STATIONS)
async def show_template(
    template: TemplateName, principal: Who, services: Given
) -> Response[TemplateOut]:
    """One template."""
    return tagged(out(await services.templates.get(principal.tenant, template)))


@put("/configuration/templates/{template:str}", needs=Permission.WRITE_STATIONS)
async def change_template(
    data: JSONBody[TemplateContent],
    template: TemplateName,
    principal: Who,
    services: Given,
    if_match: IfMatch = None,
) -> Response[TemplateOut]:
    """Put another content in the place of a template's."""
    new = _template(principal, template, data)
    changed = await services.templates.replace(new, unless_changed=unchanged(if_match, out))
    return tagged(out(changed))


@delete("/configuration/templates/{template:str}", needs=Permission.WRITE_STATIONS)
async def remove_template(template: TemplateName, principal: Who, services: Given) -> None:
    """Forget a template. Stations stay as they are."""
    check_sees_every_site(principal, "templates are")
    await services.templates.remove(principal.tenant, template)


@get("/configuration/templates/{template:str}/stations", needs=Permission.READ_STATIONS)
async def list_assigned(
    request: Asked,
    template: TemplateName,
    principal: Who,
    services: Given,
    cursors: Paging,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[str]:
    """The stations that a template is assigned to, in order of name."""
    check_sees_every_site(principal, "templates are")
    after: str = cursors.place(request, cursor, str) or ""
    await services.templates.get(principal.tenant, template)
    found = [
        each.name
        for each in await services.templates.assigned(principal.tenant, template)
        if each.name > after
    ]
    following = cursors.after(request, found[limit - 1]) if len(found) > limit else None
    return Page(items=found[:limit], next=following)


@put(
    "/configuration/templates/{template:str}/stations/{station:str}",
    needs=Permission.WRITE_STATIONS,
    status_code=204,
)
async def assign_template(template: TemplateName, known: Known, services: Given) -> None:
    """Have a template be for a station, wherever it stands and whoever made it."""
    await services.templates.assign(template, known.id)


@delete(
    "/configuration/templates/{template:str}/stations/{station:str}",
    needs=Permission.WRITE_STATIONS,
)
async def unassign_template(template: TemplateName, known: Known, services: Given) -> None:
    """Have it not be for that station any more, unless its site or make fits."""
    await services.templates.unassign(template, known.id)


def _template(principal: Principal, name: str, content: TemplateContent) -> Template:
    check_sees_every_site(principal, "templates are")
    values = []
    for number, each in enumerate(content.values):
        try:
            of = variable(each.variable)
            if len(str(of)) > _LONGEST:
                raise BadVariable(f"with its component it has at most {_LONGEST} characters")
        except BadVariable as error:
            raise Unfit(str(error), f"values[{number}].variable") from error
        values.append(VariableValue(variable=of, value=each.value, attribute=each.attribute))
    return Template(
        station=StationId(principal.tenant, ""),
        id=name,
        at=datetime.now(UTC),
        values=tuple(values),
        sites=tuple(content.sites),
        makes=tuple(
            MakePrefix(vendor=each.vendor, model=each.model, firmware=each.firmware)
            for each in content.makes
        ),
        after_boot=content.after_boot,
        note=content.note,
    )


def out(template: Template) -> TemplateOut:
    """A template as the API shows it."""
    return TemplateOut(
        name=template.id,
        values=[
            TemplateValue(variable=str(each.variable), value=each.value, attribute=each.attribute)
            for each in template.values
        ],
        sites=list(template.sites),
        makes=[
            TemplateMake(vendor=each.vendor, model=each.model, firmware=each.firmware)
            for each in template.makes
        ],
        after_boot=template.after_boot,
        note=template.note,
        at=template.at,
    )


ROUTES = [
    list_templates,
    add_template,
    show_template,
    change_template,
    remove_template,
    list_assigned,
    assign_template,
    unassign_template,
]

_HEARTBEAT = TemplateValue(variable="OCPPCommCtrlr.HeartbeatInterval", value="60")
_ACME = TemplateMake(vendor="Acme", model="Wallbox")
EXAMPLES = [
    NewTemplate(name="depot", values=[_HEARTBEAT], sites=["north"], makes=[_ACME]),
    TemplateContent(values=[_HEARTBEAT], sites=["north"], after_boot=True),
    TemplateOut(
        name="depot",
        values=[_HEARTBEAT],
        sites=["north"],
        makes=[_ACME],
        after_boot=False,
        note="as agreed with the depot",
        at=datetime(2026, 5, 2, 9, 30, tzinfo=UTC),
    ),
]
