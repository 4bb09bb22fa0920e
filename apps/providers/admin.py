from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.template.defaultfilters import date as format_date
from django.template.defaultfilters import pluralize
from django.utils import timezone
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminURLInputWidget

from apps.common.admin import RefusalsShownAdmin, UnfoldTabularInline
from apps.common.changes import changes_of
from apps.common.forms import MoneyField
from apps.common.money import format_money
from apps.organizations.scoped_admin import ScopedAdmin, acting_user
from apps.providers import services
from apps.providers.adapters import PROVIDERS
from apps.providers.models import BaseModel, ModelPrice, ProviderCredential

KINDS = [
    "training", "input", "cached_input", "output", "tuned_input", "tuned_cached_input", "tuned_output",
]  # fmt: skip


def _in_money(price: ModelPrice, *kinds: str) -> str:
    return " / ".join(format_money(getattr(price, kind), price.currency) for kind in kinds)


@admin.display(description="training")
def training_price(price: ModelPrice) -> str:
    return _in_money(price, "training")


@admin.display(description="asked: in / cached / out")
def base_prices(price: ModelPrice) -> str:
    return _in_money(price, "input", "cached_input", "output")


@admin.display(description="fine-tuned: in / cached / out")
def tuned_prices(price: ModelPrice) -> str:
    return _in_money(price, "tuned_input", "tuned_cached_input", "tuned_output")


PRICE_COLUMNS = ("valid_from", "valid_to", training_price, base_prices, tuned_prices)


class CredentialForm(forms.ModelForm[ProviderCredential]):
    """The stored key never leaves the server: the field is empty, and stays as it is when left empty."""

    provider = forms.ChoiceField(choices=[(provider.name, provider.title) for provider in PROVIDERS])
    base_url = forms.URLField(
        label="Base URL",
        required=False,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget,
        help_text="Empty: OpenAI's own. Changing it clears the stored key.",
    )
    new_key = forms.CharField(
        label="Key",
        required=False,
        strip=True,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text="Never shown again. Left empty, the stored key stays; changing the base URL clears it.",
    )

    class Meta:
        model = ProviderCredential
        fields = ["organization", "provider", "name", "base_url", "is_active"]


@admin.register(ProviderCredential)
class ProviderCredentialAdmin(ScopedAdmin):
    form = CredentialForm
    list_display = ["name", "organization", "provider", "base_url", "has_key", "is_active", "checked_at"]
    list_select_related = ["organization"]
    list_filter = ["is_active"]
    search_fields = ["name"]
    ordering = ["organization", "name"]
    fields = ["organization", "provider", "name", "base_url", "new_key", "has_key", "is_active"]
    when_empty = "Without one, the embedded trainer does the work. Add a provider's address and key to train elsewhere."
    add_words = "Add a credential"
    readonly_fields = ["has_key"]

    @admin.display(description="has a key", boolean=True)
    def has_key(self, credential: ProviderCredential) -> bool:
        return bool(credential.api_key)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.readonly_fields, "organization", "provider"] if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: ProviderCredential, form: Any, change: bool) -> None:
        given = {"name": obj.name, "base_url": obj.base_url, "api_key": form.cleaned_data["new_key"]}
        if change:
            services.change_credential(credential=obj, is_active=obj.is_active, by=acting_user(request), **given)
        else:
            made = services.create_credential(
                organization=obj.organization, provider=obj.provider, by=acting_user(request), **given
            )
            obj.pk = made.pk


class ModelPriceInline(UnfoldTabularInline[ModelPrice, BaseModel]):
    """History. New prices are added in their own list: they close the one before."""

    model = ModelPrice
    extra = 0
    fields = readonly_fields = PRICE_COLUMNS  # type: ignore[assignment]  # Django takes functions here too
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(BaseModel)
class BaseModelAdmin(RefusalsShownAdmin):
    """The installation's catalogue: for superusers, who alone hold the model permissions this plain admin asks for."""

    list_display = ["title", "name", "provider", "can_train", "training_price", "days_left", "is_active"]
    list_display_links = ["title", "name"]
    list_filter = ["provider", "can_train", "is_active"]
    search_fields = ["name", "title"]
    inlines = [ModelPriceInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[BaseModel]:
        open_price = ModelPrice.objects.filter(base_model=OuterRef("pk"), valid_to=None)
        rows: QuerySet[BaseModel] = super().get_queryset(request)
        return rows.annotate(
            training_micros=Subquery(open_price.values("training")[:1]),
            price_currency=Subquery(open_price.values("currency")[:1]),
        )

    @admin.display(description="training, per million tokens")
    def training_price(self, model: Any) -> str:
        return "-" if model.training_micros is None else format_money(model.training_micros, model.price_currency)

    @admin.display(description="shut down", ordering="shutdown_date")
    def days_left(self, model: BaseModel) -> str:
        if model.shutdown_date is None:
            return "-"
        days = (model.shutdown_date - timezone.now().date()).days
        day = format_date(model.shutdown_date)
        return f"{day} ({days} day{pluralize(days)} left)" if days > 0 else f"{day}: gone"

    def save_model(self, request: HttpRequest, obj: BaseModel, form: Any, change: bool) -> None:
        user = acting_user(request)
        if change:
            services.change_base_model(base_model=obj, by=user, **changes_of(form))
        else:
            obj.pk = services.create_base_model(by=user, **form.cleaned_data).pk

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ModelPrice)
class ModelPriceAdmin(RefusalsShownAdmin):
    """Prices are closed and replaced, never edited: adding one closes the one before on the day the new one begins."""

    list_display = ["base_model", *PRICE_COLUMNS]
    list_select_related = ["base_model"]
    list_filter = ["base_model", ("valid_to", admin.EmptyFieldListFilter)]
    add_fields = ["base_model", "valid_from", "currency", *KINDS]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.add_fields if obj is None else ["base_model", *PRICE_COLUMNS]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [] if obj is None else ["base_model", *PRICE_COLUMNS]

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name in KINDS:
            label = f"{db_field.verbose_name}, per million tokens".capitalize()
            return MoneyField(label=label, initial=0)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: ModelPrice, form: Any, change: bool) -> None:
        price = services.add_price(
            base_model=obj.base_model,
            valid_from=obj.valid_from,
            currency=form.cleaned_data["currency"],
            micros={kind: getattr(obj, kind) for kind in KINDS},
            by=acting_user(request),
        )
        obj.pk = price.pk

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
