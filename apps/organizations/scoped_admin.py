"""Admin classes that keep staff inside their organizations. Every tenant model's admin is one of these."""

from typing import Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db import models
from django.forms import ModelChoiceField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from apps.common.admin import EstimatedCountPaginator, RefusalsShownAdmin, UnfoldTabularInline
from apps.common.ids import is_row_id
from apps.organizations.models import Organization, OrganizationQuerySet, User
from apps.organizations.queries import may_write, organizations_of, roles_of


def acting_user(request: HttpRequest) -> User:
    """Who the services act for, as their `by`; PermissionDenied for nobody."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _is_member(request: HttpRequest) -> bool:
    user = request.user
    return isinstance(user, User) and user.is_staff and (user.is_superuser or bool(roles_of(user=user)))


def _organization_id(row: Any, path: str) -> int | None:
    """The organization that `row` belongs to, found along a path such as ``dataset__organization``."""
    *parents, _ = path.split("__")
    for parent in parents:
        row = getattr(row, parent)
    return row.pk if isinstance(row, Organization) else row.organization_id


class _RolePermissions:
    """Rights come from roles: every member sees, owners and managers change, nobody deletes what others build on.

    Without an object the question is whether there is any organization in which the user may; with one, whether they
    may in its organization.
    """

    organization_path = "organization"

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_member(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_member(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_write(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_write(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _may_write(self, request: HttpRequest, obj: Any) -> bool:
        user = request.user
        if not isinstance(user, User) or not user.is_staff:
            return False
        return may_write(user=user, organization_id=obj and _organization_id(obj, self.organization_path))


def _own_choices(field: ModelChoiceField[Any] | None, request: HttpRequest) -> ModelChoiceField[Any] | None:
    """Offer only rows of organizations in which the user may change things in a form's drop-down."""
    user = request.user
    if field is None or field.queryset is None or not isinstance(user, User):
        return field
    if field.queryset.model is Organization:
        field.queryset = field.queryset.filter(pk__in=_organization_ids(user, writing=True))
    elif isinstance(field.queryset, OrganizationQuerySet):
        field.queryset = field.queryset.writable_by(user)
    return field


def _organization_ids(user: User, *, writing: bool) -> list[int]:
    ids = [organization.pk for organization in organizations_of(user=user)]
    return [pk for pk in ids if may_write(user=user, organization_id=pk)] if writing else ids


class ScopedAdmin(_RolePermissions, RefusalsShownAdmin):
    """A list of one tenant model. A model that hangs below a tenant's row names its path in `organization_path`."""

    paginator = EstimatedCountPaginator
    show_full_result_count = False
    list_per_page = 50
    compressed_fields = True
    list_fullwidth = True
    when_empty = ""  # what fills the list, for whoever finds it empty
    add_words = ""  # on the button that adds the first row; its title in the form that follows

    def has_write_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For actions: ``@action(permissions=["write"])``. Of a button on a row's page the theme tells only the id;
        whose row it is, the query set and the service decide."""
        return self._may_write(request, obj if isinstance(obj, models.Model) else None)

    def offers(self, name: str, row: Any) -> bool:
        """Whether the button `name` of `actions_detail` has a use for this row in the state it is in."""
        return True

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        row = self.get_object(request, str(object_id))
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        prefix = f"{self.opts.app_label}_{self.opts.model_name}_"
        return [each for each in actions if row is not None and self.offers(each.action_name.removeprefix(prefix), row)]

    def only(self, request: HttpRequest, object_id: str) -> models.QuerySet[Any]:
        """The one row that a button of `actions_detail` stands beside, for the action that does the work."""
        if self.get_object(request, object_id) is None:
            raise Http404
        return self.get_queryset(request).filter(pk=object_id)

    def back_to(self, object_id: object) -> HttpResponseRedirect:
        """The row's own page."""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(name, args=[object_id]))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What the services wrote into the audit log: Django's own history knows only what its forms did."""
        if self.get_object(request, object_id) is None:
            raise Http404
        about = {"object_type": self.opts.label_lower, "object_id": object_id}
        return HttpResponseRedirect(reverse("admin:common_auditevent_changelist", query=about))

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """What the user may see; where the request would change something, what they may change."""
        rows = super().get_queryset(request)
        user = request.user
        if not isinstance(user, User):
            return rows.none()
        if user.is_superuser:
            return rows
        own = _organization_ids(user, writing=self._is_writing(request))
        return rows.filter(**{f"{self.organization_path}__in": own})

    def _is_writing(self, request: HttpRequest) -> bool:
        """A POST changes something unless it is an action that asks for the right to view alone, such as a download.

        Django runs one of the actions that a form names, by the index it sends along: all of them must be harmless.
        """
        actions = [getattr(self, name, None) for name in request.POST.getlist("action")]
        looks = bool(actions) and all(getattr(one, "allowed_permissions", None) == ["view"] for one in actions)
        return request.method == "POST" and not looks

    def response_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """What was chosen is told by ids; anything else is nobody's row."""
        if not all(is_row_id(pk) for pk in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            raise Http404
        return super().response_action(request, *args, **kwargs)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return _own_choices(super().formfield_for_foreignkey(db_field, request, **kwargs), request)


class ReadOnlyAdmin(ScopedAdmin):
    """A list of rows that only services write. Actions still run for those whose role may write."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ScopedInline(_RolePermissions, UnfoldTabularInline[Any, Any]):
    extra = 0

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return _own_choices(super().formfield_for_foreignkey(db_field, request, **kwargs), request)
