from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from apps.common.models import TimeStamped, both_or_neither
from apps.organizations.enums import Currency, Plan, Role

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class UserManager(BaseUserManager["User"]):
    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """The one way an address is written here: nobody has two accounts by writing it in capitals."""
        return (email or "").strip().lower()

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)  # None: no password, the person signs in by an e-mailed code
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by their e-mail address, which is kept in lower case."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_staff = models.BooleanField("may enter the admin", default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        # With the address unique as it is written, nobody else can have it in another case.
        constraints = [models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_in_lower_case")]

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        """For forms, which look afterwards whether somebody has the address already."""
        self.email = type(self).objects.normalize_email(self.email)

    @property
    def audit_name(self) -> str:
        return self.email


class Organization(TimeStamped):
    """The tenant. Everything else belongs to exactly one."""

    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=100, unique=True)
    plan = models.CharField(max_length=20, choices=Plan.choices, default=Plan.FREE)
    currency = models.CharField(max_length=3, choices=Currency.choices, default=Currency.EUR)
    collects_training_data = models.BooleanField(
        default=True, help_text="Whether answers are captured as training examples. Off is the opt-out."
    )
    allows_vision = models.BooleanField(
        default=False,
        help_text="Whether uploaded images may be read by the provider's vision model. It sees them as they are, "
        "before anything is anonymised.",
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def organization(self) -> "Organization":
        """Itself, so that the audit log scopes it like everything else."""
        return self


Row = TypeVar("Row", bound=models.Model, covariant=True)


class OrganizationQuerySet(models.QuerySet[Row]):
    """Every query for a request starts here."""

    def of_organization(self, organization: Organization) -> Self:
        return self.filter(organization=organization)

    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Rows of the organizations the user is a member of; a superuser runs the installation and sees all."""
        return self._where_member(user, roles=set(Role))

    def writable_by(self, user: "User | AnonymousUser") -> Self:
        """Rows of the organizations in which the user's role allows changes: what forms offer to act on."""
        return self._where_member(user, roles=Role.may_write())

    def _where_member(self, user: "User | AnonymousUser", *, roles: set[Role]) -> Self:
        if user.is_anonymous:
            return self.none()
        if user.is_superuser:
            return self.all()
        memberships = Membership.objects.filter(user=user, role__in=roles, organization__is_active=True)
        return self.filter(organization__in=memberships.values("organization"))


class OrganizationOwned(TimeStamped):
    """Base of every tenant's row."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True


class Membership(OrganizationOwned):
    """A user's role in an organization. Testers are not members: see contributions.Tester."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.VIEWER)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="one_membership_each")]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()} of {self.organization})"


class ApiKeyQuerySet(OrganizationQuerySet["ApiKey"]):
    def usable(self, *, now: Any) -> Self:
        return self.filter(revoked_at=None).filter(Q(expires_at=None) | Q(expires_at__gt=now))


class ApiKey(OrganizationOwned):
    """``fw_<public_id>_<secret>``: the secret is stored as its SHA-256 and shown once. Made by `create_api_key`."""

    name = models.CharField(max_length=100)
    public_id = models.CharField(max_length=16, unique=True)
    secret_sha256 = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    allowed_origins = models.JSONField(default=list, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=254, blank=True)
    last_used_on = models.DateField(null=True, blank=True)  # coarse: one write a day, not one a request
    created_by = models.CharField(max_length=254)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        constraints = [both_or_neither("revoked_at", "revoked_by", name="api_key_revoked_pair")]

    def __str__(self) -> str:
        return f"{self.name} (fw_{self.public_id}_…)"

    @property
    def audit_name(self) -> str:
        return f"API key fw_{self.public_id}"

    def allows(self, scopes: Iterable[str]) -> bool:
        return set(scopes) <= set(self.scopes)
