"""What the API's refusals come to in the language of a page; their details are in English."""

from voltkeep.web.pages.marking import _

WORDS = {
    "invalid": _("What was sent cannot be understood."),
    "unfit": _("What was asked for cannot be so."),
    "not-authenticated": _("Nobody is signed in here."),
    "not-allowed": _("You may not do this."),
    "not-found": _("There is nothing of that name that you may see."),
    "conflict": _("It clashes with what there is."),
    "in-use": _("It is still in use."),
    "changed-meanwhile": _("Somebody has changed it meanwhile: load the page again."),
    "not-closable": _("This transaction cannot be closed."),
    "idempotency-key-reused": _("The same was asked before, with something else in it."),
    "queue-full": _("Too much waits for this station already."),
    "busy": _("The server is busy: try again."),
    "busy-try-again": _("The server is busy: try again."),
    "last-administrator": _("Somebody must stay who looks after this installation."),
    "code-needed": _("A code of your authenticator app is needed."),
    "wrong-password": _("The password is wrong."),
    "wrong-code": _("The code is wrong."),
    "provider-away": _("The provider of sign-ins does not answer."),
    "too-many-tries": _("Too many tries: wait a while."),
    "too-many-requests": _("Too many requests: wait a while."),
    "too-large": _("It is too large."),
    "too-slow": _("It came too slowly."),
    "no-room": _("There is no room left on the server."),
    "unsupported-media-type": _("Files of this kind are not taken."),
    "password-change-needed": _("Change your password first."),
    "not-private": _("Sign in over https: here everybody between could read along."),
    "cross-site": _("This came from another page: load this one again."),
    "bad-cursor": _("This place in the list is gone: begin again."),
    "address-too-long": _("The address is too long."),
    "failed": _("This failed on the server; its log says more."),
}
"""A sentence for each `code` of a problem."""

FIELDS = {
    "is missing": _("is missing"),
    "there is no such field": _("there is no such field"),
    "a body is needed": _("something must be sent"),
}
"""What is said of fields in the same words each time."""

DETAILS = {
    "the name or the password is not right": _("The name or the password is not right."),
    "the code is not right, or was used before": _("The code is not right, or was used before."),
    "the code is not right: is the clock of the phone?": _(
        "The code is not right: is the clock of the phone?"
    ),
    "the password is not right": _("The password is not right."),
    "the password was changed meanwhile": _("The password was changed meanwhile."),
    "this session is over: sign in again": _("This session is over: sign in again."),
    "this account is disabled": _("This account is disabled."),
    "this is the old password: choose another": _("This is the old password: choose another."),
    "this password repeats a few characters: choose another": _(
        "This password repeats a few characters: choose another."
    ),
    "this password is among the first that are tried": _(
        "This password is among the first that are tried."
    ),
    "there is nothing at this address": _("There is nothing at this address."),
    "this failed here; the log of the server says more": _(
        "This failed on the server; its log says more."
    ),
}
"""Whole details that always read the same: a page says these alone."""
