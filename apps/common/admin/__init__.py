"""What the apps' admin pages share, and the queue's own pages."""

from apps.common.admin.base import UnfoldModelAdmin, UnfoldTabularInline
from apps.common.admin.confirming import confirm, is_confirmed
from apps.common.admin.counting import EstimatedCountPaginator
from apps.common.admin.links import link_to, link_to_list
from apps.common.admin.live import LiveAdmin, Standing
from apps.common.admin.refusals import RefusalsShownAdmin, refusals_shown
from apps.common.admin.words import as_written, in_full, preview, show_facts, took_words, without_braces
from apps.common.jobs.admin import replace_queue_admin

__all__ = [
    "EstimatedCountPaginator",
    "LiveAdmin",
    "RefusalsShownAdmin",
    "Standing",
    "UnfoldModelAdmin",
    "UnfoldTabularInline",
    "as_written",
    "confirm",
    "in_full",
    "is_confirmed",
    "link_to",
    "link_to_list",
    "preview",
    "refusals_shown",
    "show_facts",
    "took_words",
    "without_braces",
]

replace_queue_admin()  # the admin imports this package when it looks for what is registered
