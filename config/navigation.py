"""The admin's menu: in the order in which the wheel turns, not by the alphabet."""

from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import reverse, reverse_lazy

# title -> (label, app_model of the admin, icon of the Material Symbols that the theme ships)
GROUPS: list[tuple[str, list[tuple[str, str, str]]]] = [
    (
        "Work",
        [
            ("Personas", "personas_persona", "theater_comedy"),
            ("Prompts", "personas_promptversion", "edit_note"),
            ("Few-shot examples", "personas_fewshotexample", "forum"),
        ],
    ),
    (
        "Contributions",
        [
            ("Examples", "contributions_trainingexample", "library_books"),
            ("Collection", "contributions_trainingexample_collection", "bar_chart"),
            ("Duplicates", "contributions_duplicatesearch", "content_copy"),
            ("Labels", "contributions_label", "label"),
            ("Label quality", "contributions_label_quality", "insights"),
            ("Testers", "contributions_tester", "groups"),
            ("Totals", "contributions_contribution", "leaderboard"),
            ("Gold answers", "contributions_goldanswer", "verified"),
            ("Skips and reports", "contributions_skip", "flag"),
            ("Uploads", "contributions_upload", "upload_file"),
            ("Reference answers", "contributions_referenceanswer", "format_quote"),
        ],
    ),
    (
        "Privacy",
        [
            ("Protected names", "contributions_protectedname", "shield_person"),
            ("Withdrawals", "contributions_withdrawal", "delete_forever"),
        ],
    ),
    (
        "Training",
        [
            ("Datasets", "datasets_trainingdataset", "dataset"),
            ("Fine-tuning jobs", "custom_models_finetunejob", "model_training"),
            ("Custom models", "custom_models_custommodel", "deployed_code"),
            ("Evaluations", "custom_models_evaluation", "quiz"),
            ("Evaluation answers", "custom_models_evaluationanswer", "checklist"),
            ("Activations", "custom_models_activation", "history"),
        ],
    ),
    (
        "Answers",
        [
            ("Responses", "chat_response", "chat"),
            ("Conversations", "chat_conversation", "question_answer"),
            ("Feedback", "feedback_modelfeedback", "thumbs_up_down"),
            ("Retraining", "feedback_retrainingpolicy", "autorenew"),
            ("A/B tests", "abtests_abtest", "science"),
            ("Observations", "abtests_observation", "visibility"),
            ("Rollouts", "abtests_rollout", "trending_up"),
        ],
    ),
    (
        "Money",
        [
            ("Revenue days", "payouts_revenueday", "calendar_month"),
            ("Shares", "payouts_share", "pie_chart"),
            ("Revenue events", "payouts_revenueevent", "receipt_long"),
            ("Accounts", "payouts_ledgeraccount", "account_balance"),
            ("Transfers", "payouts_transfer", "sync_alt"),
            ("Payouts", "payouts_payout", "payments"),
        ],
    ),
    (
        "House",
        [
            ("Organizations", "organizations_organization", "apartment"),
            ("API keys", "organizations_apikey", "key"),
            ("Credentials", "providers_providercredential", "vpn_key"),
            ("Audit log", "common_auditevent", "fact_check"),
        ],
    ),
]
# Names of pages that are no model's list.
PAGES = {"contributions_label_quality", "contributions_trainingexample_collection"}
OPEN = {"Work", "Contributions", "Training"}  # where the wheel is turned by hand; the rest unfolds
INSTALLATION: list[tuple[str, str, str]] = [
    ("Users", "organizations_user", "person"),
    ("Base models", "providers_basemodel", "memory"),
    ("Prices", "providers_modelprice", "sell"),
    ("Schedules", "django_q_schedule", "schedule"),
    ("Queue", "django_q_ormq", "pending_actions"),
    ("Failed jobs", "django_q_failure", "error"),
    ("Trainer: jobs", "trainer_trainerjob", "exercise"),
    ("Trainer: models", "trainer_trainermodel", "psychology"),
    ("Trainer: files", "trainer_trainerfile", "draft"),
    ("Sign-in failures", "axes_accessattempt", "gpp_bad"),
]


def _runs_the_installation(request: HttpRequest) -> bool:
    return request.user.is_superuser


def _item(label: str, model: str, icon: str, **more: Any) -> dict[str, Any]:
    link = reverse_lazy(f"admin:{model if model in PAGES else f'{model}_changelist'}")
    return {"title": label, "icon": icon, "link": link, "active": partial(_is_open, link), **more}


def _is_open(link: object, request: HttpRequest) -> bool:
    """A list is open on its rows' pages too, unless such a page has an entry of its own."""
    own = str(link) in map(_address, PAGES) or not any(request.path.startswith(_address(page)) for page in PAGES)
    return own and request.path.startswith(str(link))


def _address(page: str) -> str:
    return reverse(f"admin:{page}")


def navigation() -> list[dict[str, Any]]:
    """UNFOLD["SIDEBAR"]["navigation"]."""
    front = {"items": [{"title": "Overview", "icon": "cycle", "link": reverse_lazy("admin:index")}]}
    groups = [
        {"title": title, "collapsible": title not in OPEN, "items": [_item(*item) for item in items]}
        for title, items in GROUPS
    ]
    installation = {
        "title": "Installation",
        "collapsible": True,
        "items": [_item(*item, permission=_runs_the_installation) for item in INSTALLATION],
    }
    return [front, *groups, installation]
