from apps.organizations.services.api_keys import create_api_key, note_api_key_use, revoke_api_key
from apps.organizations.services.members import add_member, change_members
from apps.organizations.services.organizations import change_organization, create_organization
from apps.organizations.services.users import change_user, create_user

__all__ = [
    "add_member",
    "change_members",
    "change_organization",
    "change_user",
    "create_api_key",
    "create_organization",
    "create_user",
    "note_api_key_use",
    "revoke_api_key",
]
