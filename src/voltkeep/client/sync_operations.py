"""Every operation of the API, sync. Written by tools/generate_client.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from voltkeep.client import models
from voltkeep.client.core import Content, Event, Request, part, request, upload
from voltkeep.client.pages import Pages


class Operations:
    """What `voltkeep.client.synchronous` can ask."""

    def _call(self, asked: Request, kind: Any) -> Any:
        raise NotImplementedError

    def _pages(self, path: str, kind: Any, query: Mapping[str, Any]) -> Pages[Any]:
        raise NotImplementedError

    def _file(self, asked: Request) -> Iterator[bytes]:
        raise NotImplementedError

    def _events(self, asked: Request, *, resume: bool) -> Iterator[Event]:
        raise NotImplementedError

    def list_alerts(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: Literal["open", "acknowledged"] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.AlertOut]:
        """What a person should look at. ``state`` is open or acknowledged.

        Needs: `security:read`.
        """
        return self._pages(
            "/alerts",
            models.AlertOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def acknowledge_alert(self, alert: str, *, note: str | None = None) -> models.AlertOut:
        """Say that somebody has looked at it. If it happens again, it is a new alert.

        Needs: `security:write`.
        """
        result: models.AlertOut = self._call(
            request("POST", f"/alerts/{part(alert)}/acknowledge", query={"note": note}),
            models.AlertOut,
        )
        return result

    def list_api_keys(
        self,
        *,
        state: models.AccountState | None = None,
        everywhere: bool | None = None,
        limit: int | None = None,
    ) -> Pages[models.KeyOut]:
        """Keys of the tenant, the latest changed first; or those that are good everywhere.

        Needs: `accounts:read`.
        """
        return self._pages(
            "/api-keys", models.KeyOut, {"state": state, "everywhere": everywhere, "limit": limit}
        )

    def create_api_key(self, body: models.NewKey) -> models.CreatedKey:
        """Make a key of the tenant; or of every tenant, by who is of every tenant.

        Needs: `accounts:write`.
        """
        result: models.CreatedKey = self._call(
            request("POST", "/api-keys", body=body), models.CreatedKey
        )
        return result

    def show_api_key(self, key: str) -> models.KeyOut:
        """One key.

        Needs: `accounts:read`.
        """
        result: models.KeyOut = self._call(request("GET", f"/api-keys/{part(key)}"), models.KeyOut)
        return result

    def revoke_api_key(self, key: str) -> models.KeyOut:
        """Revoke a key, for ever. It stays in the list.

        Needs: `accounts:write`.
        """
        result: models.KeyOut = self._call(
            request("DELETE", f"/api-keys/{part(key)}"), models.KeyOut
        )
        return result

    def list_audit(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        object: str | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.AuditOut]:
        """Deeds, by default the latest first. ``action`` and ``object`` are how those begin.

        Needs: `audit:read`.
        """
        return self._pages(
            "/audit",
            models.AuditOut,
            {
                "actor": actor,
                "action": action,
                "object": object,
                "since": since,
                "before": before,
                "sort": sort,
                "limit": limit,
            },
        )

    def verify_audit(self, *, kept: str | None = None) -> models.AuditVerdict:
        """Look at the whole chain: whether anything in it was changed, removed or put in.

        Needs: `audit:read`.
        """
        result: models.AuditVerdict = self._call(
            request("POST", "/audit/verification", query={"kept": kept}), models.AuditVerdict
        )
        return result

    def list_plans(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: Literal["planned", "done", "failed", "expired", "cancelled"] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.PlanOut]:
        """Planned changes of availability, by default the latest first: those due by that time.

        Needs: `stations:read`.
        """
        return self._pages(
            "/availability-plans",
            models.PlanOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def list_batches(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: Literal["filling", "running", "done", "cancelled"] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.BatchOut]:
        """Batches, the latest changed first; whoever is limited to sites sees none.

        Needs: `commands:send`.
        """
        return self._pages(
            "/batches",
            models.BatchOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def show_batch(self, batch: str) -> models.BatchOut:
        """One batch, and how many of its commands went how.

        Needs: `commands:send`.
        """
        result: models.BatchOut = self._call(
            request("GET", f"/batches/{part(batch)}"), models.BatchOut
        )
        return result

    def cancel_batch(self, batch: str) -> models.BatchOut:
        """Ask no further station, and wait for none. What was sent stays sent.

        Needs: `commands:send`.
        """
        result: models.BatchOut = self._call(
            request("DELETE", f"/batches/{part(batch)}"), models.BatchOut
        )
        return result

    def list_campaigns(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: Literal[
            "filling", "running", "paused", "halted", "finished", "cancelling", "cancelled"
        ]
        | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.CampaignOut]:
        """Campaigns, the latest changed first; whoever is limited to sites sees none.

        Needs: `stations:read`.
        """
        return self._pages(
            "/campaigns",
            models.CampaignOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def start_campaign(self, body: models.NewCampaign) -> models.CampaignOut:
        """Walk stations through a change. Those that fit now are written down; passive ones left out.

        Needs `commands:technical` for firmware, and `security:write` for security profiles.

        Needs: `stations:read`.
        """
        result: models.CampaignOut = self._call(
            request("POST", "/campaigns", body=body), models.CampaignOut
        )
        return result

    def show_campaign(self, campaign: str) -> models.CampaignOut:
        """One campaign, and how many of its stations are how far.

        Needs: `stations:read`.
        """
        result: models.CampaignOut = self._call(
            request("GET", f"/campaigns/{part(campaign)}"), models.CampaignOut
        )
        return result

    def cancel_campaign(self, campaign: str) -> models.CampaignOut:
        """End it. A station that was asked already may still change.

        Needs: `stations:read`.
        """
        result: models.CampaignOut = self._call(
            request("POST", f"/campaigns/{part(campaign)}/cancel"), models.CampaignOut
        )
        return result

    def go_on_with_campaign(self, campaign: str) -> models.CampaignOut:
        """Have the rest follow the canaries, which are done. Needs what starting it needs.

        Needs: `stations:read`.
        """
        result: models.CampaignOut = self._call(
            request("POST", f"/campaigns/{part(campaign)}/go-on"), models.CampaignOut
        )
        return result

    def halt_campaign(self, campaign: str) -> models.CampaignOut:
        """Ask no further station until it is resumed. Needs what starting it needs.

        Needs: `stations:read`.
        """
        result: models.CampaignOut = self._call(
            request("POST", f"/campaigns/{part(campaign)}/halt"), models.CampaignOut
        )
        return result

    def resume_campaign(self, campaign: str, *, retry: bool | None = None) -> models.CampaignOut:
        """Go on, with failures counted anew; with ``retry`` ask those that failed once more.

        Needs: `stations:read`.
        """
        result: models.CampaignOut = self._call(
            request("POST", f"/campaigns/{part(campaign)}/resume", query={"retry": retry}),
            models.CampaignOut,
        )
        return result

    def list_campaign_stations(
        self,
        campaign: str,
        *,
        station: str | None = None,
        site: str | None = None,
        state: Literal["waiting", "preparing", "asked", "done", "failed", "skipped"] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.CampaignStationOut]:
        """The stations of a campaign, the latest changed first. ``state`` as in its counts.

        Needs: `stations:read`.
        """
        return self._pages(
            f"/campaigns/{part(campaign)}/stations",
            models.CampaignStationOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def list_expiries(
        self, *, days: float | None = None, limit: int | None = None
    ) -> Pages[models.ExpiryOut]:
        """What expires within so many days, the soonest first.

        Needs: `security:read`.
        """
        return self._pages(
            "/certificate-expiries", models.ExpiryOut, {"days": days, "limit": limit}
        )

    def list_certificate_requests(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: Literal["requested", "signed", "replaced", "refused"] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.CertificateRequestOut]:
        """What stations have asked for and was in order, by ``state``: one of each of their keys.

        Needs: `security:read`.
        """
        return self._pages(
            "/certificate-requests",
            models.CertificateRequestOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def list_certificates(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: Literal["issued", "sent", "accepted", "active", "rejected", "superseded", "revoked"]
        | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.CertificateOut]:
        """Certificates that we issued, by ``state``.

        Needs: `security:read`.
        """
        return self._pages(
            "/certificates",
            models.CertificateOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def show_certificate(self, serial_number: str) -> models.CertificateOut:
        """One certificate that we issued.

        Needs: `security:read`.
        """
        result: models.CertificateOut = self._call(
            request("GET", f"/certificates/{part(serial_number)}"), models.CertificateOut
        )
        return result

    def revoke_certificate(
        self, serial_number: str, body: models.Revocation
    ) -> models.CertificateOut:
        """Let nobody in with it from now on. Saying it again changes nothing.

        Needs: `security:write`.
        """
        result: models.CertificateOut = self._call(
            request("POST", f"/certificates/{part(serial_number)}/revocation", body=body),
            models.CertificateOut,
        )
        return result

    def list_charging_profiles(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: Literal[
            "sent",
            "unknown",
            "accepted",
            "rejected",
            "unsent",
            "replaced",
            "cleared",
            "ended",
            "expired",
            "missing",
        ]
        | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.ChargingProfileOut]:
        """Charging profiles of all stations, with those that are over; the last changed first.

        The commands `SetChargingProfile` and `ClearChargingProfiles` send and clear them. One whose
        time is over is shown as expired, and found by the state that it had.

        Needs: `stations:read`.
        """
        return self._pages(
            "/charging-profiles",
            models.ChargingProfileOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def list_commands(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: Literal[
            "pending", "queued", "running", "done", "expired", "cancelled", "interrupted"
        ]
        | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
        result: models.OrderResult | None = None,
        batch: str | None = None,
        issued_by: str | None = None,
    ) -> Pages[models.CommandOut]:
        """Commands that fit every filter, the latest changed first.

        Needs: `commands:send`.
        """
        return self._pages(
            "/commands",
            models.CommandOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
                "result": result,
                "batch": batch,
                "issued_by": issued_by,
            },
        )

    def give_batch(self, body: models.NewBatch) -> models.BatchOut:
        """Ask every station that fits for the same, so many at once.

        A station that is not there fails its command, or with ``queue_until`` is waited for.

        Needs: `commands:send`.
        """
        result: models.BatchOut = self._call(
            request("POST", "/commands/bulk", body=body), models.BatchOut
        )
        return result

    def show_command(self, command: str, *, wait: float | None = None) -> models.CommandOut:
        """One command. With ``wait`` it is answered once the command is over, or then.

        Needs: `commands:send`.
        """
        result: models.CommandOut = self._call(
            request("GET", f"/commands/{part(command)}", query={"wait": wait}), models.CommandOut
        )
        return result

    def cancel_command(self, command: str) -> models.CommandOut:
        """Have a command that waits for its station not be carried out.

        Needs: `commands:send`.
        """
        result: models.CommandOut = self._call(
            request("DELETE", f"/commands/{part(command)}"), models.CommandOut
        )
        return result

    def list_drift(self, *, limit: int | None = None) -> Pages[models.StationDriftOut]:
        """The stations that templates are for, in order of name, and how far each is from them.

        Needs: `stations:read`.
        """
        return self._pages("/configuration/drift", models.StationDriftOut, {"limit": limit})

    def list_templates(self, *, limit: int | None = None) -> Pages[models.TemplateOut]:
        """The templates there are, in order of name.

        Needs: `stations:read`.
        """
        return self._pages("/configuration/templates", models.TemplateOut, {"limit": limit})

    def add_template(self, body: models.NewTemplate) -> models.TemplateOut:
        """Keep a template. Nothing is written before it is applied, or a station boots.

        Needs: `stations:write`.
        """
        result: models.TemplateOut = self._call(
            request("POST", "/configuration/templates", body=body), models.TemplateOut
        )
        return result

    def show_template(self, template: str) -> models.TemplateOut:
        """One template.

        Needs: `stations:read`.
        """
        result: models.TemplateOut = self._call(
            request("GET", f"/configuration/templates/{part(template)}"), models.TemplateOut
        )
        return result

    def change_template(
        self, template: str, body: models.TemplateContent, *, if_match: str | None = None
    ) -> models.TemplateOut:
        """Put another content in the place of a template's.

        Needs: `stations:write`.
        """
        result: models.TemplateOut = self._call(
            request(
                "PUT",
                f"/configuration/templates/{part(template)}",
                headers={"If-Match": if_match},
                body=body,
            ),
            models.TemplateOut,
        )
        return result

    def remove_template(self, template: str) -> None:
        """Forget a template. Stations stay as they are.

        Needs: `stations:write`.
        """
        self._call(request("DELETE", f"/configuration/templates/{part(template)}"), None)

    def list_assigned(self, template: str, *, limit: int | None = None) -> Pages[str]:
        """The stations that a template is assigned to, in order of name.

        Needs: `stations:read`.
        """
        return self._pages(
            f"/configuration/templates/{part(template)}/stations", str, {"limit": limit}
        )

    def assign_template(self, template: str, station: str) -> None:
        """Have a template be for a station, wherever it stands and whoever made it.

        Needs: `stations:write`.
        """
        self._call(
            request("PUT", f"/configuration/templates/{part(template)}/stations/{part(station)}"),
            None,
        )

    def unassign_template(self, template: str, station: str) -> None:
        """Have it not be for that station any more, unless its site or make fits.

        Needs: `stations:write`.
        """
        self._call(
            request(
                "DELETE", f"/configuration/templates/{part(template)}/stations/{part(station)}"
            ),
            None,
        )

    def list_connectors(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        status: models.ConnectorStatus | None = None,
        heard_since: datetime | None = None,
        heard_before: datetime | None = None,
        sort: Literal["station", "-station"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.ConnectorOut]:
        """Connectors of every station, each with the age of its status, and since when it is stale.

        Needs: `stations:read`.
        """
        return self._pages(
            "/connectors",
            models.ConnectorOut,
            {
                "station": station,
                "site": site,
                "status": status,
                "heard_since": heard_since,
                "heard_before": heard_before,
                "sort": sort,
                "limit": limit,
            },
        )

    def list_event_types(self) -> tuple[models.EventType, ...]:
        """Every type of event, and what one must be permitted to get it.

        Needs: `events:read`.
        """
        result: tuple[models.EventType, ...] = self._call(
            request("GET", "/event-types"), tuple[models.EventType, ...]
        )
        return result

    def stream_events(
        self,
        *,
        types: str | None = None,
        stations: str | None = None,
        after: int | None = None,
        follow: bool | None = None,
        last_event_id: str | None = None,
        resume: bool = True,
    ) -> Iterator[Event]:
        """Server-sent events, in order per station, at least once.

        `data` is one JSON object: `id`, `type`, `timestamp`, `tenant`, `station`, `data`. Without
        `Last-Event-ID` or `after` it begins now. Events that are told live only have no id. An event
        `replay.truncated` says that some of what was missed is no longer kept.

        Needs: `events:read`.
        """
        return self._events(
            request(
                "GET",
                "/events",
                query={"types": types, "stations": stations, "after": after, "follow": follow},
                headers={"Last-Event-ID": last_event_id},
            ),
            resume=resume,
        )

    def export_stations(
        self,
        *,
        format: models.Format | None = None,
        site: str | None = None,
        registration: models.Registration | None = None,
        connected: bool | None = None,
    ) -> Iterator[bytes]:
        """Stations that fit, as a file. A text that a spreadsheet takes for a formula is quoted.

        Needs: `stations:read`.
        """
        return self._file(
            request(
                "GET",
                "/exports/stations",
                query={
                    "format": format,
                    "site": site,
                    "registration": registration,
                    "connected": connected,
                },
            )
        )

    def export_tokens(
        self,
        *,
        format: models.Format | None = None,
        group: str | None = None,
        blocked: bool | None = None,
    ) -> Iterator[bytes]:
        """Tokens that fit, as a file. A text that a spreadsheet takes for a formula is quoted.

        Needs: `tokens:read`.
        """
        return self._file(
            request(
                "GET",
                "/exports/tokens",
                query={"format": format, "group": group, "blocked": blocked},
            )
        )

    def export_transactions(
        self,
        *,
        format: models.Format | None = None,
        site: str | None = None,
        station: str | None = None,
        active: bool | None = None,
        started_since: datetime | None = None,
        started_before: datetime | None = None,
        ended_since: datetime | None = None,
        ended_before: datetime | None = None,
    ) -> Iterator[bytes]:
        """Transactions that fit, as a file, those heard of last first.

        Without `tokens:read` tokens are shown by their last four characters.

        Needs: `transactions:read`.
        """
        return self._file(
            request(
                "GET",
                "/exports/transactions",
                query={
                    "format": format,
                    "site": site,
                    "station": station,
                    "active": active,
                    "started_since": started_since,
                    "started_before": started_before,
                    "ended_since": ended_since,
                    "ended_before": ended_before,
                },
            )
        )

    def list_images(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.ImageOut]:
        """Firmware images. The command `UpdateFirmware` updates a station with one.

        Needs: `stations:read`.
        """
        return self._pages(
            "/firmware-images",
            models.ImageOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def add_image_elsewhere(self, body: models.ImageElsewhere) -> models.ImageOut:
        """Add an image that stations fetch from somebody else's server.

        Needs: `commands:technical`.
        """
        result: models.ImageOut = self._call(
            request("POST", "/firmware-images", body=body), models.ImageOut
        )
        return result

    def show_image(self, image: str) -> models.ImageOut:
        """One firmware image.

        Needs: `stations:read`.
        """
        result: models.ImageOut = self._call(
            request("GET", f"/firmware-images/{part(image)}"), models.ImageOut
        )
        return result

    def remove_image(self, image: str) -> None:
        """Forget an image and its file; updates with it that are not over cannot fetch it any more.

        Needs: `commands:technical`.
        """
        self._call(request("DELETE", f"/firmware-images/{part(image)}"), None)

    def upload_image(self, image: str, content: Content, *, filename: str) -> models.ImageOut:
        """Keep a file to serve, unsigned yet: the body is the file.

        Needs: `commands:technical`.
        """
        result: models.ImageOut = self._call(
            upload(
                "PUT",
                f"/firmware-images/{part(image)}/content",
                content,
                "application/octet-stream",
                {"filename": filename},
            ),
            models.ImageOut,
        )
        return result

    def list_updates(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: Literal[
            "requested", "refused", "unknown", "running", "installed", "failed", "cancelled"
        ]
        | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.UpdateOut]:
        """Updates that stations were asked for, and what became of them.

        Needs: `stations:read`.
        """
        return self._pages(
            "/firmware-updates",
            models.UpdateOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def list_imports(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: Literal["running", "done", "failed", "cancelled"] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.ImportOut]:
        """Imports, by default the latest changed first. They are not of a station or a site.

        Those of stations, tokens or transactions, as the key may read or write them.

        Needs: `stations:read` or `stations:write` or `tokens:read` or `tokens:write` or `transactions:read` or `transactions:write`.
        """
        return self._pages(
            "/imports",
            models.ImportOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def import_stations(
        self, content: Content, *, format: models.Format | None = None, dry_run: bool | None = None
    ) -> models.ImportOut:
        """Register stations, or change those there are: the body is a file, as an export is.

        Needs: `stations:write`.
        """
        result: models.ImportOut = self._call(
            upload(
                "POST",
                "/imports/stations",
                content,
                "application/jsonl" if format == "jsonl" else "text/csv",
                {"format": format, "dry_run": dry_run},
            ),
            models.ImportOut,
        )
        return result

    def import_tokens(
        self, content: Content, *, format: models.Format | None = None, dry_run: bool | None = None
    ) -> models.ImportOut:
        """Register tokens, or change those there are: the body is a file, as an export is.

        Needs: `tokens:write`.
        """
        result: models.ImportOut = self._call(
            upload(
                "POST",
                "/imports/tokens",
                content,
                "application/jsonl" if format == "jsonl" else "text/csv",
                {"format": format, "dry_run": dry_run},
            ),
            models.ImportOut,
        )
        return result

    def import_transactions(
        self, content: Content, *, format: models.Format | None = None, dry_run: bool | None = None
    ) -> models.ImportOut:
        """Keep transactions of another system that are over. Those there are stay as they are.

        Needs: `transactions:write`.
        """
        result: models.ImportOut = self._call(
            upload(
                "POST",
                "/imports/transactions",
                content,
                "application/jsonl" if format == "jsonl" else "text/csv",
                {"format": format, "dry_run": dry_run},
            ),
            models.ImportOut,
        )
        return result

    def show_import(self, import_id: str, *, wait: float | None = None) -> models.ImportOut:
        """How far an import is, and which rows failed. With ``wait``, when it is over.

        Needs: `stations:read` or `stations:write` or `tokens:read` or `tokens:write` or `transactions:read` or `transactions:write`.
        """
        result: models.ImportOut = self._call(
            request("GET", f"/imports/{part(import_id)}", query={"wait": wait}), models.ImportOut
        )
        return result

    def cancel_import(self, import_id: str) -> models.ImportOut:
        """Take no further row; those that were taken stay.

        Needs: `stations:read` or `stations:write` or `tokens:read` or `tokens:write` or `transactions:read` or `transactions:write`.
        """
        result: models.ImportOut = self._call(
            request("POST", f"/imports/{part(import_id)}/cancel"), models.ImportOut
        )
        return result

    def list_local_lists(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.LocalListOut]:
        """The lists of stations that were ever sent one, or shall be.

        The commands `SendLocalList` and `GetLocalListVersion` send them and ask for their version.

        Needs: `stations:read`.
        """
        return self._pages(
            "/local-lists",
            models.LocalListOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def list_logs(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: Literal[
            "requested", "uploading", "uploaded", "failed", "cancelled", "refused", "unknown"
        ]
        | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.LogOut]:
        """Logs that stations were asked for. The command `RequestLog` asks for one.

        Needs: `messages:read`.
        """
        return self._pages(
            "/logs",
            models.LogOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def show_me(self) -> models.Me:
        """Who you are, and what you may.

        Needs: `an account`.
        """
        result: models.Me = self._call(request("GET", "/me"), models.Me)
        return result

    def change_own_password(self, body: models.OwnPassword) -> None:
        """Change your password. You are signed out everywhere else.

        Needs: `an account`.
        """
        self._call(request("POST", "/me/password", body=body), None)

    def begin_second_factor(self, body: models.Proof) -> models.Enrolment:
        """Have a secret for an authenticator app. It counts once a code of it was confirmed.

        Needs: `an account`.
        """
        result: models.Enrolment = self._call(
            request("POST", "/me/second-factor", body=body), models.Enrolment
        )
        return result

    def confirm_second_factor(self, body: models.Code) -> models.RecoveryCodes:
        """Show that the app works. From now on a code is asked for.

        Needs: `an account`.
        """
        result: models.RecoveryCodes = self._call(
            request("POST", "/me/second-factor/confirm", body=body), models.RecoveryCodes
        )
        return result

    def remove_second_factor(self, body: models.Proof) -> None:
        """Sign in without a code from now on.

        Needs: `an account`.
        """
        self._call(request("POST", "/me/second-factor/remove", body=body), None)

    def list_own_sessions(self) -> models.SessionList:
        """Where you are signed in.

        Needs: `an account`.
        """
        result: models.SessionList = self._call(request("GET", "/me/sessions"), models.SessionList)
        return result

    def end_other_sessions(self) -> models.Ended:
        """Sign out everywhere but here.

        Needs: `an account`.
        """
        result: models.Ended = self._call(request("DELETE", "/me/sessions"), models.Ended)
        return result

    def end_own_session(self, session: str) -> None:
        """Sign out somewhere.

        Needs: `an account`.
        """
        self._call(request("DELETE", f"/me/sessions/{part(session)}"), None)

    def list_messages(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        direction: Literal["in", "out", None] = None,
        action: str | None = None,
        message_id: str | None = None,
        verdict: str | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.MessagesMessageOut]:
        """The message log, by default the latest first.

        Needs: `messages:read`.
        """
        return self._pages(
            "/messages",
            models.MessagesMessageOut,
            {
                "station": station,
                "site": site,
                "direction": direction,
                "action": action,
                "message_id": message_id,
                "verdict": verdict,
                "since": since,
                "before": before,
                "sort": sort,
                "limit": limit,
            },
        )

    def list_refusals(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.RefusalOut]:
        """Who was not let in, and why; also under ids that are not registered.

        Needs: `security:read`.
        """
        return self._pages(
            "/refusals",
            models.RefusalOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def list_reservations(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: Literal[
            "requested",
            "active",
            "unknown",
            "refused",
            "used",
            "unused",
            "expired",
            "cancelled",
            "removed",
        ]
        | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.ReservationOut]:
        """Reservations, the last changed first.

        The commands `Reserve` and `CancelReservation` make them and give them up.

        Needs: `stations:read`.
        """
        return self._pages(
            "/reservations",
            models.ReservationOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def list_security_events(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: Literal["critical", "noted"] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.SecurityEventOut]:
        """Security events that stations reported. ``state`` is critical or noted.

        Needs: `security:read`.
        """
        return self._pages(
            "/security-events",
            models.SecurityEventOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def show_settings(self) -> models.InstallationOut:
        """The settings of the server that answers. They are changed in its file, and read at start.

        Needs: `settings:read`.
        """
        result: models.InstallationOut = self._call(
            request("GET", "/settings"), models.InstallationOut
        )
        return result

    def set_up(self, body: models.Setup) -> models.SignedInOut:
        """Make the first administrator, with the link that the server printed, and sign in."""
        result: models.SignedInOut = self._call(
            request("POST", "/setup", body=body), models.SignedInOut
        )
        return result

    def show_ways(self) -> models.Ways:
        """How one can sign in here."""
        result: models.Ways = self._call(request("GET", "/sign-in"), models.Ways)
        return result

    def sign_in(self, body: models.SignIn) -> models.SignedInOut:
        """Sign in with a password, and a code if you have a second factor."""
        result: models.SignedInOut = self._call(
            request("POST", "/sign-in", body=body), models.SignedInOut
        )
        return result

    def sign_out(self) -> None:
        """Sign out here.

        Needs: `an account`.
        """
        self._call(request("POST", "/sign-out"), None)

    def list_sites(self, *, limit: int | None = None) -> Pages[models.SiteOut]:
        """Sites, the latest changed first.

        Needs: `stations:read`.
        """
        return self._pages("/sites", models.SiteOut, {"limit": limit})

    def add_site(self, body: models.NewSite) -> models.SiteOut:
        """Add a site.

        Needs: `stations:write`.
        """
        result: models.SiteOut = self._call(request("POST", "/sites", body=body), models.SiteOut)
        return result

    def show_site(self, site: str) -> models.SiteOut:
        """One site.

        Needs: `stations:read`.
        """
        result: models.SiteOut = self._call(request("GET", f"/sites/{part(site)}"), models.SiteOut)
        return result

    def remove_site(self, site: str) -> None:
        """Forget a site. Refused while stations stand there.

        Needs: `stations:write`.
        """
        self._call(request("DELETE", f"/sites/{part(site)}"), None)

    def change_site(
        self, site: str, body: models.SiteChange, *, if_match: str | None = None
    ) -> models.SiteOut:
        """Change what is said of a site.

        Needs: `stations:write`.
        """
        result: models.SiteOut = self._call(
            request("PATCH", f"/sites/{part(site)}", headers={"If-Match": if_match}, body=body),
            models.SiteOut,
        )
        return result

    def list_stations(
        self,
        *,
        site: str | None = None,
        prefix: str | None = None,
        registration: models.Registration | None = None,
        connected: bool | None = None,
        security_profile: models.SecurityProfile | None = None,
        passive: bool | None = None,
        vendor: str | None = None,
        model: str | None = None,
        firmware: str | None = None,
        subprotocol: str | None = None,
        last_heard_since: datetime | None = None,
        last_heard_before: datetime | None = None,
        sort: Literal[
            "name",
            "-name",
            "created_at",
            "-created_at",
            "last_seen_at",
            "-last_seen_at",
            "connected_at",
            "-connected_at",
        ]
        | None = None,
        limit: int | None = None,
    ) -> Pages[models.StationOut]:
        """Stations that fit every filter. ``prefix`` is how the id begins.

        Needs: `stations:read`.
        """
        return self._pages(
            "/stations",
            models.StationOut,
            {
                "site": site,
                "prefix": prefix,
                "registration": registration,
                "connected": connected,
                "security_profile": security_profile,
                "passive": passive,
                "vendor": vendor,
                "model": model,
                "firmware": firmware,
                "subprotocol": subprotocol,
                "last_heard_since": last_heard_since,
                "last_heard_before": last_heard_before,
                "sort": sort,
                "limit": limit,
            },
        )

    def add_station(self, body: models.NewStation) -> models.StationOut:
        """Register a station.

        Needs: `stations:write`.
        """
        result: models.StationOut = self._call(
            request("POST", "/stations", body=body), models.StationOut
        )
        return result

    def explain_station(self, name: str) -> models.ExplanationOut:
        """Why a station connects, or does not: also for an id that is not registered.

        Needs: `security:read`.
        """
        result: models.ExplanationOut = self._call(
            request("GET", f"/stations/{part(name)}/explanation"), models.ExplanationOut
        )
        return result

    def show_station(self, station: str) -> models.StationOut:
        """One station.

        Needs: `stations:read`.
        """
        result: models.StationOut = self._call(
            request("GET", f"/stations/{part(station)}"), models.StationOut
        )
        return result

    def remove_station(self, station: str) -> None:
        """Forget a station. Its connection is closed; its transactions and its log stay.

        Needs: `stations:write`.
        """
        self._call(request("DELETE", f"/stations/{part(station)}"), None)

    def change_station(
        self, station: str, body: models.StationChange, *, if_match: str | None = None
    ) -> models.StationOut:
        """Change what is said of a station here. How it must connect is changed at its key.

        Needs: `stations:write`.
        """
        result: models.StationOut = self._call(
            request(
                "PATCH", f"/stations/{part(station)}", headers={"If-Match": if_match}, body=body
            ),
            models.StationOut,
        )
        return result

    def show_availability(self, station: str) -> models.AvailabilityOut:
        """What a station's connectors said last, what is wanted of them, and what is planned.

        Needs: `stations:read`.
        """
        result: models.AvailabilityOut = self._call(
            request("GET", f"/stations/{part(station)}/availability"), models.AvailabilityOut
        )
        return result

    def add_plan(self, station: str, body: models.NewPlan) -> tuple[models.PlanOut, ...]:
        """Plan a change. A station that is away then is asked once it is back.

        Needs: `commands:send`.
        """
        result: tuple[models.PlanOut, ...] = self._call(
            request("POST", f"/stations/{part(station)}/availability-plans", body=body),
            tuple[models.PlanOut, ...],
        )
        return result

    def cancel_plan(self, plan: str, station: str) -> None:
        """Take back a change that was not done yet.

        Needs: `commands:send`.
        """
        self._call(
            request("DELETE", f"/stations/{part(station)}/availability-plans/{part(plan)}"), None
        )

    def list_charging_needs(self, station: str) -> tuple[models.ChargingNeedsOut, ...]:
        """What the last EV at each EVSE has said of its needs (OCPP 2.x): of at most 100 EVSEs.

        Needs: `transactions:read`.
        """
        result: tuple[models.ChargingNeedsOut, ...] = self._call(
            request("GET", f"/stations/{part(station)}/charging-needs"),
            tuple[models.ChargingNeedsOut, ...],
        )
        return result

    def list_live_profiles(self, station: str) -> tuple[models.ChargingProfileOut, ...]:
        """What may limit the station now: what it has, as far as we know, or may have.

        Looked for among the thousand of the station that changed last.

        Needs: `stations:read`.
        """
        result: tuple[models.ChargingProfileOut, ...] = self._call(
            request("GET", f"/stations/{part(station)}/charging-profiles"),
            tuple[models.ChargingProfileOut, ...],
        )
        return result

    def give_command(
        self,
        station: str,
        body: models.RemoteStart
        | models.RemoteStop
        | models.Reset
        | models.Trigger
        | models.ChangeAvailability
        | models.UnlockConnector
        | models.ClearCache
        | models.ReadConfiguration
        | models.WriteConfiguration
        | models.ApplyTemplate
        | models.TransferData
        | models.RequestLog
        | models.UpdateFirmware
        | models.InstallCertificate
        | models.GetInstalledCertificates
        | models.DeleteCertificate
        | models.RenewCertificate
        | models.RotateKey
        | models.RaiseProfile
        | models.Reserve
        | models.CancelReservation
        | models.SendLocalList
        | models.GetLocalListVersion
        | models.SetChargingProfile
        | models.ClearChargingProfiles
        | models.GetCompositeSchedule
        | models.GetChargingProfiles
        | models.AnyMessage,
        *,
        wait: float | None = None,
        queue_until: datetime | None = None,
        timeout_s: float | None = None,
        idempotency_key: str = "",
    ) -> models.CommandOut:
        """Ask a station for something. With ``wait`` the answer shows what became of it.

        What the station will refuse may be asked for: there may be a reason. Technical commands
        (configuration, charging profiles, any message) need `commands:technical` as well.

        Needs: `commands:send`.
        """
        result: models.CommandOut = self._call(
            request(
                "POST",
                f"/stations/{part(station)}/commands",
                query={"wait": wait, "queue_until": queue_until, "timeout_s": timeout_s},
                headers={"Idempotency-Key": idempotency_key},
                body=body,
            ),
            models.CommandOut,
        )
        return result

    def compute_composite_schedule(
        self,
        station: str,
        *,
        evse: int | None = None,
        duration_s: int | None = None,
        unit: models.RateUnit | None = None,
        voltage_v: float | None = None,
        phases: int | None = None,
    ) -> models.CompositeSchedule:
        """What the profiles that we believe the station has come to; the station is not asked.

        The command `GetCompositeSchedule` asks it, and compares. W and A are converted by
        ``voltage_v`` and ``phases``.

        Needs: `stations:read`.
        """
        result: models.CompositeSchedule = self._call(
            request(
                "GET",
                f"/stations/{part(station)}/composite-schedule",
                query={
                    "evse": evse,
                    "duration_s": duration_s,
                    "unit": unit,
                    "voltage_v": voltage_v,
                    "phases": phases,
                },
            ),
            models.CompositeSchedule,
        )
        return result

    def list_variables(
        self,
        station: str,
        *,
        component: str | None = None,
        needs_reboot: bool | None = None,
        limit: int | None = None,
    ) -> Pages[models.VariableOut]:
        """What a station has said of its variables, in order of their names. It is not asked.

        Needs: `stations:read`.
        """
        return self._pages(
            f"/stations/{part(station)}/configuration",
            models.VariableOut,
            {"component": component, "needs_reboot": needs_reboot, "limit": limit},
        )

    def show_drift(self, station: str, *, template: str | None = None) -> models.StationDriftOut:
        """How far a station is from its templates, or from one, by what it said last.

        Needs: `stations:read`.
        """
        result: models.StationDriftOut = self._call(
            request(
                "GET",
                f"/stations/{part(station)}/configuration/drift",
                query={"template": template},
            ),
            models.StationDriftOut,
        )
        return result

    def list_reports(self, station: str) -> tuple[models.ReportOut, ...]:
        """The five reports that a station was asked for last, the latest changed first.

        Needs: `stations:read`.
        """
        result: tuple[models.ReportOut, ...] = self._call(
            request("GET", f"/stations/{part(station)}/configuration/reports"),
            tuple[models.ReportOut, ...],
        )
        return result

    def show_update(self, station: str, update: str) -> models.UpdateOut:
        """One update of a station.

        Needs: `stations:read`.
        """
        result: models.UpdateOut = self._call(
            request("GET", f"/stations/{part(station)}/firmware-updates/{part(update)}"),
            models.UpdateOut,
        )
        return result

    def make_station_key(self, station: str) -> models.StationKey:
        """Make a new key here, without telling the station: for one that is being set up.

        The key before is over at once. One that is connected is given a new key by the command
        `RotateKey`.

        Needs: `security:write`.
        """
        result: models.StationKey = self._call(
            request("POST", f"/stations/{part(station)}/key"), models.StationKey
        )
        return result

    def show_local_list(self, station: str) -> models.LocalListOut:
        """The list of one station, as far as we know it.

        Needs: `stations:read`.
        """
        result: models.LocalListOut = self._call(
            request("GET", f"/stations/{part(station)}/local-list"), models.LocalListOut
        )
        return result

    def change_local_list(
        self, station: str, body: models.LocalListChange, *, if_match: str | None = None
    ) -> models.LocalListOut:
        """Have a list kept in step by itself, or no longer, and choose what is in it.

        Needs: `stations:write`.
        """
        result: models.LocalListOut = self._call(
            request(
                "PATCH",
                f"/stations/{part(station)}/local-list",
                headers={"If-Match": if_match},
                body=body,
            ),
            models.LocalListOut,
        )
        return result

    def show_log(self, station: str, log: str) -> models.LogOut:
        """One log that a station was asked for.

        Needs: `messages:read`.
        """
        result: models.LogOut = self._call(
            request("GET", f"/stations/{part(station)}/logs/{part(log)}"), models.LogOut
        )
        return result

    def remove_log(self, station: str, log: str) -> None:
        """Forget a log and its file. An upload that is under way is refused.

        Needs: `security:write`.
        """
        self._call(request("DELETE", f"/stations/{part(station)}/logs/{part(log)}"), None)

    def fetch_log(self, station: str, log: str) -> Iterator[bytes]:
        """What has arrived of a log, as the station sent it.

        Needs: `messages:read`.
        """
        return self._file(request("GET", f"/stations/{part(station)}/logs/{part(log)}/content"))

    def list_meter_values(
        self,
        station: str,
        *,
        evse_id: int | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.MeterValueOut]:
        """What a station's meters said, in a transaction or not, by default the latest first.

        Needs: `transactions:read`.
        """
        return self._pages(
            f"/stations/{part(station)}/meter-values",
            models.MeterValueOut,
            {"evse_id": evse_id, "since": since, "before": before, "sort": sort, "limit": limit},
        )

    def set_station_password(self, station: str, body: models.StationPassword) -> None:
        """Set a password here, without telling the station. A generated key is better.

        Needs: `security:write`.
        """
        self._call(request("PUT", f"/stations/{part(station)}/password", body=body), None)

    def list_profile_reports(self, station: str) -> tuple[models.ProfileReportOut, ...]:
        """The last 100 reports that `GetChargingProfiles` asked for, the latest changed first.

        Needs: `stations:read`.
        """
        result: tuple[models.ProfileReportOut, ...] = self._call(
            request("GET", f"/stations/{part(station)}/profile-reports"),
            tuple[models.ProfileReportOut, ...],
        )
        return result

    def release_station(self, station: str) -> models.ReleasedOut:
        """End the quarantine of a station: its new connections are let in again.

        Needs: `security:write`.
        """
        result: models.ReleasedOut = self._call(
            request("POST", f"/stations/{part(station)}/release"), models.ReleasedOut
        )
        return result

    def show_reservation(self, station: str, reservation: str) -> models.ReservationOut:
        """One reservation.

        Needs: `stations:read`.
        """
        result: models.ReservationOut = self._call(
            request("GET", f"/stations/{part(station)}/reservations/{part(reservation)}"),
            models.ReservationOut,
        )
        return result

    def list_station_roots(self, station: str) -> tuple[models.RootOut, ...]:
        """Which root certificates a station has, as far as we know: at most 100 of each answer.

        Needs: `security:read`.
        """
        result: tuple[models.RootOut, ...] = self._call(
            request("GET", f"/stations/{part(station)}/roots"), tuple[models.RootOut, ...]
        )
        return result

    def set_security_profile(self, station: str, body: models.WantedProfile) -> None:
        """Decide how a station must connect, without telling it; a live connection is closed.

        The command `RaiseProfile` tells a connected one, and keeps both ways open until it is back.

        Needs: `security:write`.
        """
        self._call(request("PUT", f"/stations/{part(station)}/security-profile", body=body), None)

    def list_status_history(
        self,
        station: str,
        *,
        evse_id: int | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.StatusOut]:
        """Every status that was heard of a station, by default the latest first.

        Needs: `stations:read`.
        """
        return self._pages(
            f"/stations/{part(station)}/status-history",
            models.StatusOut,
            {"evse_id": evse_id, "since": since, "before": before, "sort": sort, "limit": limit},
        )

    def show_transaction(self, station: str, transaction: str) -> models.TransactionOut:
        """One transaction. It stays when its station is removed.

        Needs: `transactions:read`.
        """
        result: models.TransactionOut = self._call(
            request("GET", f"/stations/{part(station)}/transactions/{part(transaction)}"),
            models.TransactionOut,
        )
        return result

    def close_transaction(
        self, station: str, transaction: str, body: models.CloseTransaction
    ) -> models.TransactionOut:
        """Close a transaction in the record. Nothing is sent to the station: this is no stop.

        What the station says later counts more, and the closing stays visible.

        Needs: `transactions:write`.
        """
        result: models.TransactionOut = self._call(
            request(
                "POST",
                f"/stations/{part(station)}/transactions/{part(transaction)}/close",
                body=body,
            ),
            models.TransactionOut,
        )
        return result

    def list_meter_values_of_transaction(
        self,
        station: str,
        transaction: str,
        *,
        since: datetime | None = None,
        before: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.MeterValueOut]:
        """What the meter said during a transaction, in order of time.

        Needs: `transactions:read`.
        """
        return self._pages(
            f"/stations/{part(station)}/transactions/{part(transaction)}/meter-values",
            models.MeterValueOut,
            {"since": since, "before": before, "sort": sort, "limit": limit},
        )

    def list_days(self, *, site: str | None = None, days: int | None = None) -> models.DaysOut:
        """What was charged on each day, at one site or at all that you may see together.

        Needs: `transactions:read`.
        """
        result: models.DaysOut = self._call(
            request("GET", "/statistics/days", query={"site": site, "days": days}), models.DaysOut
        )
        return result

    def list_security_days(
        self, *, site: str | None = None, days: int | None = None
    ) -> models.SecurityDaysOut:
        """How many security events of each kind stations reported on each day.

        Needs: `security:read`.
        """
        result: models.SecurityDaysOut = self._call(
            request("GET", "/statistics/security-events", query={"site": site, "days": days}),
            models.SecurityDaysOut,
        )
        return result

    def list_days_by_site(
        self, *, days: int | None = None, limit: int | None = None
    ) -> models.SitesDaysOut:
        """What was charged on each day at each of the sites with the most energy.

        Needs: `transactions:read`.
        """
        result: models.SitesDaysOut = self._call(
            request("GET", "/statistics/sites", query={"days": days, "limit": limit}),
            models.SitesDaysOut,
        )
        return result

    def show_system(self) -> models.SystemOut:
        """How the server that answers does: versions, database, what waits, connections and disk.

        Needs: `settings:read`.
        """
        result: models.SystemOut = self._call(request("GET", "/system"), models.SystemOut)
        return result

    def list_tenants(self) -> models.TenantList:
        """Those that you may act in: name one with the header `Voltkeep-Tenant`.

        Needs: `an account`.
        """
        result: models.TenantList = self._call(request("GET", "/tenants"), models.TenantList)
        return result

    def add_tenant(self, body: models.NewTenant) -> models.TenantOut:
        """Add a tenant. Only who is of every tenant can.

        Needs: `tenants:write`.
        """
        result: models.TenantOut = self._call(
            request("POST", "/tenants", body=body), models.TenantOut
        )
        return result

    def remove_tenant(self, tenant: str) -> None:
        """Remove a tenant that has nothing left. Its audit log stays.

        Needs: `tenants:write`.
        """
        self._call(request("DELETE", f"/tenants/{part(tenant)}"), None)

    def list_token_groups(self, *, limit: int | None = None) -> Pages[models.GroupOut]:
        """Groups in order of their names.

        Needs: `tokens:read`.
        """
        return self._pages("/token-groups", models.GroupOut, {"limit": limit})

    def show_token_group(self, group: str) -> models.GroupOut:
        """One group.

        Needs: `tokens:read`.
        """
        result: models.GroupOut = self._call(
            request("GET", f"/token-groups/{part(group)}"), models.GroupOut
        )
        return result

    def change_token_group(
        self, group: str, body: models.GroupChange, *, if_match: str | None = None
    ) -> models.GroupOut:
        """Rename a group, block or unblock all of it, or note something.

        Needs: `tokens:write`.
        """
        result: models.GroupOut = self._call(
            request(
                "PATCH", f"/token-groups/{part(group)}", headers={"If-Match": if_match}, body=body
            ),
            models.GroupOut,
        )
        return result

    def list_tokens(
        self,
        *,
        prefix: str | None = None,
        group: str | None = None,
        blocked: bool | None = None,
        expires_before: datetime | None = None,
        sort: Literal["key", "-key", "created_at", "-created_at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.TokenOut]:
        """Tokens that fit every filter, in order of their values.

        Needs: `tokens:read`.
        """
        return self._pages(
            "/tokens",
            models.TokenOut,
            {
                "prefix": prefix,
                "group": group,
                "blocked": blocked,
                "expires_before": expires_before,
                "sort": sort,
                "limit": limit,
            },
        )

    def add_token(self, body: models.NewToken) -> models.TokenOut:
        """Let a token charge.

        Needs: `tokens:write`.
        """
        result: models.TokenOut = self._call(request("POST", "/tokens", body=body), models.TokenOut)
        return result

    def show_token(self, token: str) -> models.TokenOut:
        """One token.

        Needs: `tokens:read`.
        """
        result: models.TokenOut = self._call(
            request("GET", f"/tokens/{part(token)}"), models.TokenOut
        )
        return result

    def remove_token(self, token: str) -> None:
        """Forget a token: it is unknown from now on. Its transactions stay.

        Needs: `tokens:write`.
        """
        self._call(request("DELETE", f"/tokens/{part(token)}"), None)

    def change_token(
        self, token: str, body: models.TokenChange, *, if_match: str | None = None
    ) -> models.TokenOut:
        """Change what is known of a token.

        Needs: `tokens:write`.
        """
        result: models.TokenOut = self._call(
            request("PATCH", f"/tokens/{part(token)}", headers={"If-Match": if_match}, body=body),
            models.TokenOut,
        )
        return result

    def list_transactions(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        evse_id: int | None = None,
        ref: str | None = None,
        token: str | None = None,
        group: str | None = None,
        active: bool | None = None,
        closed: bool | None = None,
        started_since: datetime | None = None,
        started_before: datetime | None = None,
        ended_since: datetime | None = None,
        ended_before: datetime | None = None,
        sort: Literal[
            "first_heard_at",
            "-first_heard_at",
            "started_at",
            "-started_at",
            "ended_at",
            "-ended_at",
        ]
        | None = None,
        limit: int | None = None,
    ) -> Pages[models.TransactionOut]:
        """Transactions that fit every filter, by default those first heard of last.

        Needs: `transactions:read`.
        """
        return self._pages(
            "/transactions",
            models.TransactionOut,
            {
                "station": station,
                "site": site,
                "evse_id": evse_id,
                "ref": ref,
                "token": token,
                "group": group,
                "active": active,
                "closed": closed,
                "started_since": started_since,
                "started_before": started_before,
                "ended_since": ended_since,
                "ended_before": ended_before,
                "sort": sort,
                "limit": limit,
            },
        )

    def list_unended(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: Literal[
            "newer transaction",
            "EVSE available",
            "station removed",
            "station offline",
            "station restarted",
        ]
        | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.UnendedOut]:
        """Transactions that never ended, as found at the last look, which is every five minutes.

        `state` is the evidence.

        Needs: `transactions:read`.
        """
        return self._pages(
            "/transactions/unended",
            models.UnendedOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def list_trusted_roots(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.TrustedRoot]:
        """The foreign roots that we trust.

        Needs: `security:read`.
        """
        return self._pages(
            "/trusted-roots",
            models.TrustedRoot,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def trust_root(self, body: models.NewTrustedRoot) -> models.TrustedRoot:
        """Trust a foreign root: a manufacturer's, a V2G root, or one below which stations are.

        Needs: `security:write`.
        """
        result: models.TrustedRoot = self._call(
            request("POST", "/trusted-roots", body=body), models.TrustedRoot
        )
        return result

    def distrust_root(self, fingerprint: str, *, station: str | None = None) -> None:
        """Trust it no longer: for every station, or for the one for which it was trusted.

        Needs: `security:write`.
        """
        self._call(
            request("DELETE", f"/trusted-roots/{part(fingerprint)}", query={"station": station}),
            None,
        )

    def list_unknown_tokens(
        self,
        *,
        station: str | None = None,
        site: str | None = None,
        state: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        sort: Literal["at", "-at"] | None = None,
        limit: int | None = None,
    ) -> Pages[models.UnknownTokenOut]:
        """Tokens that were shown and are not registered, the last seen first.

        The thousand last seen of a tenant are kept. Without `state`, those that were not dismissed.

        Needs: `tokens:read`.
        """
        return self._pages(
            "/unknown-tokens",
            models.UnknownTokenOut,
            {
                "station": station,
                "site": site,
                "state": state,
                "since": since,
                "until": until,
                "sort": sort,
                "limit": limit,
            },
        )

    def show_unknown_token(self, seen: str) -> models.UnknownTokenOut:
        """One token that was seen.

        Needs: `tokens:read`.
        """
        result: models.UnknownTokenOut = self._call(
            request("GET", f"/unknown-tokens/{part(seen)}"), models.UnknownTokenOut
        )
        return result

    def dismiss_unknown_token(self, seen: str) -> None:
        """Take a token off the list, also when it is shown again.

        Needs: `tokens:write`.
        """
        self._call(request("DELETE", f"/unknown-tokens/{part(seen)}"), None)

    def adopt_unknown_token(self, seen: str, body: models.Adoption) -> models.TokenOut:
        """Register a token that was seen: it may charge from now on.

        Needs: `tokens:write`.
        """
        result: models.TokenOut = self._call(
            request("POST", f"/unknown-tokens/{part(seen)}/adopt", body=body), models.TokenOut
        )
        return result

    def list_users(
        self,
        *,
        state: models.AccountState | None = None,
        everywhere: bool | None = None,
        limit: int | None = None,
    ) -> Pages[models.UserOut]:
        """People of the tenant, the latest changed first; or those who are at home everywhere.

        Needs: `accounts:read`.
        """
        return self._pages(
            "/users", models.UserOut, {"state": state, "everywhere": everywhere, "limit": limit}
        )

    def add_user(self, body: models.NewUser) -> models.UserOut:
        """Add a person to the tenant; or to every tenant, by who is of every tenant.

        Needs: `accounts:write`.
        """
        result: models.UserOut = self._call(request("POST", "/users", body=body), models.UserOut)
        return result

    def show_user(self, user: str) -> models.UserOut:
        """One person.

        Needs: `accounts:read`.
        """
        result: models.UserOut = self._call(request("GET", f"/users/{part(user)}"), models.UserOut)
        return result

    def remove_user(self, user: str) -> None:
        """Remove a person. What they did stays in the audit log.

        Needs: `accounts:write`.
        """
        self._call(request("DELETE", f"/users/{part(user)}"), None)

    def change_user(
        self, user: str, body: models.UserChange, *, if_match: str | None = None
    ) -> models.UserOut:
        """Change what a person may. Who is disabled is signed out at once.

        Needs: `accounts:write`.
        """
        result: models.UserOut = self._call(
            request("PATCH", f"/users/{part(user)}", headers={"If-Match": if_match}, body=body),
            models.UserOut,
        )
        return result

    def set_password(self, user: str, body: models.NewPassword) -> None:
        """Give a person a password, to be changed at once. They are signed out everywhere.

        Needs: `accounts:write`.
        """
        self._call(request("PUT", f"/users/{part(user)}/password", body=body), None)

    def reset_second_factor(self, user: str) -> None:
        """Let a person in without a code: their phone is gone.

        Needs: `accounts:write`.
        """
        self._call(request("DELETE", f"/users/{part(user)}/second-factor"), None)

    def list_sessions(self, user: str) -> models.SessionList:
        """Where somebody is signed in.

        Needs: `accounts:read`.
        """
        result: models.SessionList = self._call(
            request("GET", f"/users/{part(user)}/sessions"), models.SessionList
        )
        return result

    def end_sessions(self, user: str) -> models.Ended:
        """Sign somebody out everywhere.

        Needs: `accounts:write`.
        """
        result: models.Ended = self._call(
            request("DELETE", f"/users/{part(user)}/sessions"), models.Ended
        )
        return result

    def end_session(self, user: str, session: str) -> None:
        """Sign somebody out somewhere.

        Needs: `accounts:write`.
        """
        self._call(request("DELETE", f"/users/{part(user)}/sessions/{part(session)}"), None)

    def list_webhooks(
        self, *, state: models.WebhookState | None = None, limit: int | None = None
    ) -> Pages[models.WebhookOut]:
        """Webhooks of the tenant, the latest changed first; of one's own sites, for who has some.

        Needs: `webhooks:read`.
        """
        return self._pages("/webhooks", models.WebhookOut, {"state": state, "limit": limit})

    def add_webhook(self, body: models.WebhookWords) -> models.CreatedWebhook:
        """Tell an endpoint of events from now on. It gets what its maker may read, and no more.

        Needs: `webhooks:write`.
        """
        result: models.CreatedWebhook = self._call(
            request("POST", "/webhooks", body=body), models.CreatedWebhook
        )
        return result

    def show_webhook(self, webhook: str) -> models.WebhookOut:
        """One webhook.

        Needs: `webhooks:read`.
        """
        result: models.WebhookOut = self._call(
            request("GET", f"/webhooks/{part(webhook)}"), models.WebhookOut
        )
        return result

    def remove_webhook(self, webhook: str) -> None:
        """Forget a webhook, and what it has not been told yet.

        Needs: `webhooks:write`.
        """
        self._call(request("DELETE", f"/webhooks/{part(webhook)}"), None)

    def change_webhook(
        self, webhook: str, body: models.WebhookChange, *, if_match: str | None = None
    ) -> models.WebhookOut:
        """Change a webhook. From then on it gets what whoever changed it may read.

        Needs: `webhooks:write`.
        """
        result: models.WebhookOut = self._call(
            request(
                "PATCH", f"/webhooks/{part(webhook)}", headers={"If-Match": if_match}, body=body
            ),
            models.WebhookOut,
        )
        return result

    def list_deliveries(
        self,
        webhook: str,
        *,
        state: models.DeliveryState | None = None,
        station: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> Pages[models.DeliveryOut]:
        """What was sent, is sent or was given up, the latest queued first.

        Needs: `webhooks:read`.
        """
        return self._pages(
            f"/webhooks/{part(webhook)}/deliveries",
            models.DeliveryOut,
            {"state": state, "station": station, "since": since, "until": until, "limit": limit},
        )

    def show_delivery(self, webhook: str, delivery: str) -> models.DeliveryOut:
        """One delivery.

        Needs: `webhooks:read`.
        """
        result: models.DeliveryOut = self._call(
            request("GET", f"/webhooks/{part(webhook)}/deliveries/{part(delivery)}"),
            models.DeliveryOut,
        )
        return result

    def redeliver(self, webhook: str, delivery: str) -> models.DeliveryOut:
        """Send an event once more, soon, with the same id.

        Needs: `webhooks:write`.
        """
        result: models.DeliveryOut = self._call(
            request("POST", f"/webhooks/{part(webhook)}/deliveries/{part(delivery)}/redeliver"),
            models.DeliveryOut,
        )
        return result

    def disable_webhook(self, webhook: str) -> models.WebhookOut:
        """Send nothing more, until it is enabled.

        Needs: `webhooks:write`.
        """
        result: models.WebhookOut = self._call(
            request("POST", f"/webhooks/{part(webhook)}/disable"), models.WebhookOut
        )
        return result

    def enable_webhook(self, webhook: str, body: models.Enabling) -> models.WebhookOut:
        """Go on where it was stopped, as far as events are kept.

        Needs: `webhooks:write`.
        """
        result: models.WebhookOut = self._call(
            request("POST", f"/webhooks/{part(webhook)}/enable", body=body), models.WebhookOut
        )
        return result

    def redeliver_failed(self, webhook: str, body: models.Redelivery) -> models.Redelivered:
        """Send everything once more that was given up.

        Needs: `webhooks:write`.
        """
        result: models.Redelivered = self._call(
            request("POST", f"/webhooks/{part(webhook)}/redeliver", body=body), models.Redelivered
        )
        return result

    def rotate_webhook_secret(self, webhook: str, body: models.Rotation) -> models.CreatedWebhook:
        """Make a new secret. For a while every delivery is signed with both.

        Needs: `webhooks:write`.
        """
        result: models.CreatedWebhook = self._call(
            request("POST", f"/webhooks/{part(webhook)}/rotate", body=body), models.CreatedWebhook
        )
        return result

    def test_webhook(self, webhook: str) -> models.AttemptOut:
        """Send an event of the type `webhook.test`, now, and tell what the endpoint answers.

        Needs: `webhooks:write`.
        """
        result: models.AttemptOut = self._call(
            request("POST", f"/webhooks/{part(webhook)}/test"), models.AttemptOut
        )
        return result

    def live(self) -> models.Health:
        """Whether the process answers at all."""
        result: models.Health = self._call(request("GET", "//health/live"), models.Health)
        return result

    def ready(self) -> models.Health:
        """Whether it can be used: the database answers, and the listeners are open. Else 503."""
        result: models.Health = self._call(request("GET", "//health/ready"), models.Health)
        return result
