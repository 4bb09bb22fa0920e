from apps.organizations.admin.api_keys import ApiKeyAdmin
from apps.organizations.admin.audit_log import AuditEventAdmin
from apps.organizations.admin.organizations import OrganizationAdmin
from apps.organizations.admin.users import UserAdmin

__all__ = ["ApiKeyAdmin", "AuditEventAdmin", "OrganizationAdmin", "UserAdmin"]
