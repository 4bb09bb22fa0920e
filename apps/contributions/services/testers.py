from datetime import datetime

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction

from apps.common import audit
from apps.common.audit import Actor
from apps.common.errors import Conflict, InvalidInput, NotAllowed
from apps.contributions.enums import TesterStatus
from apps.contributions.models import Tester
from apps.organizations.models import Organization, User
from apps.organizations.services import create_user

# What a tester agrees to (UX9): true of this system as it is built, in words a tester uses. The very text that was
# shown is stored with the consent, so changing it here changes nothing for those who agreed before.
CONSENT_WORDING = """\
My labels train this organization's own models. They do not change any vendor's base model, and they do not train \
another organization's models.

I can stop at any time; what I labelled until then may still be used. Or I can have it deleted on the page "Your \
data". My labels are then emptied, and what rests on me alone leaves every dataset and is not trained on again. A \
model that was trained on it before cannot be un-trained. I am told which ones these are, and what I earned stays mine.

What I label is stored with my name, the time and how long it took me. Staff of this organization can see it; \
other testers cannot.

When a model that was trained on my labels earns money, a share of it, whose size this organization sets, is divided \
among its testers by what each of us taught it. There is no promise that a model earns anything."""


@transaction.atomic
def invite_tester(
    *, organization: Organization, email: str, display_name: str, by: Actor, review_url: str = ""
) -> Tester:
    """A tester who may sign in by an e-mailed code and labels after consenting.

    With `review_url`, the absolute address of the review desk, an invitation is mailed once this is committed.
    """
    user = _user_of(email=email, name=display_name, by=by)
    try:
        with transaction.atomic():
            tester = Tester.objects.create(organization=organization, user=user, display_name=display_name)
    except IntegrityError:
        raise Conflict(
            f"{user.email} is a tester of {organization} already.",
            resolution="Find them in the list of testers.",
            code="already_a_tester",
            param="email",
        ) from None
    audit.record("invited", by=by, target=tester)
    if review_url:
        transaction.on_commit(lambda: _mail_invitation(tester, review_url))
    return tester


def _user_of(*, email: str, name: str, by: Actor) -> User:
    email = User.objects.normalize_email(email)
    user = User.objects.filter(email=email).first() or create_user(email=email, name=name, by=by)
    if not user.is_active:
        raise NotAllowed(
            f"The account of {email} is deactivated.",
            resolution="Reactivate it, or use another address.",
            param="email",
        )
    return user


def _mail_invitation(tester: Tester, review_url: str) -> None:
    send_mail(
        subject=f"{tester.organization} asks you to review answers",
        message=(
            f"Hello {tester.display_name},\n\n{tester.organization} invites you to say what the right answers are, "
            f"and to share in what the models trained on them earn.\n\nSign in here with this e-mail address; "
            f"no password is needed:\n{review_url}\n"
        ),
        from_email=settings.DEFAULT_FROM_EMAIL,
        recipient_list=[tester.user.email],
    )


@transaction.atomic
def record_consent(*, tester: Tester, wording: str, now: datetime) -> Tester:
    """Keep the very text that the tester agreed to; an invited tester becomes active by it."""
    if not wording.strip():
        raise InvalidInput("There is no wording to consent to.", resolution="Show the tester what they agree to.")
    changed = Tester.objects.filter(pk=tester.pk, status__in=TesterStatus.may_consent()).update(
        status=TesterStatus.ACTIVE, consented_at=now, consent_wording=wording, updated_at=now
    )
    if not changed:
        raise Conflict("You are not labelling at present.", resolution="Ask the organization's staff to resume you.")
    audit.record("consented", by=tester.user, target=tester)
    tester.refresh_from_db()
    return tester


@transaction.atomic
def pause_tester(*, tester: Tester, by: Actor, now: datetime) -> None:
    """They label nothing until resumed; what they have on screen goes back to the queue when its lease ends."""
    _move(tester, {TesterStatus.INVITED, TesterStatus.ACTIVE}, TesterStatus.PAUSED, by=by, now=now)


@transaction.atomic
def resume_tester(*, tester: Tester, by: Actor, now: datetime) -> None:
    """Active again if they have consented, else invited."""
    status = TesterStatus.ACTIVE if tester.consented_at else TesterStatus.INVITED
    _move(tester, {TesterStatus.PAUSED}, status, by=by, now=now)


def _move(tester: Tester, expected: set[TesterStatus], status: TesterStatus, *, by: Actor, now: datetime) -> None:
    changed = Tester.objects.filter(pk=tester.pk, status__in=expected).update(status=status, updated_at=now)
    if not changed:
        raise Conflict(
            f"{tester.display_name} is {tester.get_status_display().lower()}.",
            resolution=f"Only testers who are {' or '.join(sorted(expected))} can become {status}.",
        )
    audit.record(f"set_{status}", by=by, target=tester)
    tester.refresh_from_db()
