"""Drives the registry's approval protocol with the Databricks SDK for Python.

Usage: databricks_client.py <host> <model> <version> <token>. The model version must exist at stage None.
"""

import sys

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied
from databricks.sdk.service.ml import ActivityType, HttpUrlSpec, RegistryWebhookEvent, RegistryWebhookStatus


def step(text: str) -> None:
    print(f"ok  {text}", flush=True)


def main() -> None:
    host, model, version, token = sys.argv[1:]
    registry = WorkspaceClient(host=host, token=token).model_registry

    comment = registry.create_comment(model, version, "looks good").comment
    assert comment.comment == "looks good", comment
    assert registry.update_comment(comment.id, "looks very good").comment.comment == "looks very good"
    registry.delete_comment(comment.id)
    step("a comment is made, changed and deleted")

    asked = registry.create_transition_request(model, version, "Archived", comment="no longer wanted").request
    assert asked.to_stage == "Archived", asked
    open_requests = list(registry.list_transition_requests(model, version))
    assert [r.to_stage for r in open_requests] == ["Archived"], open_requests
    registry.delete_transition_request(model, version, "Archived", creator=open_requests[0].user_id)
    assert list(registry.list_transition_requests(model, version)) == []
    step("a transition request is made, listed and withdrawn")

    registry.create_transition_request(model, version, "Archived", comment="once more")
    activity = registry.reject_transition_request(model, version, "Archived", comment="it is wanted").activity
    assert activity.activity_type == ActivityType.REJECTED_REQUEST and activity.comment == "it is wanted", activity
    assert list(registry.list_transition_requests(model, version)) == []
    step("a transition request is rejected")

    registry.create_transition_request(model, version, "Archived", comment="again")
    activity = registry.approve_transition_request(model, version, "Archived", False, comment="agreed").activity
    assert activity.to_stage == "Archived", activity
    step("a transition request is approved")

    moved = registry.transition_stage(model, version, "Staging", False, comment="now").model_version_databricks
    assert moved.current_stage == "Staging", moved
    step("a version changes its stage")

    try:
        registry.transition_stage(model, version, "Production", True)
        raise AssertionError("Production was entered without its gate")
    except PermissionDenied as refusal:
        assert "ask for Production" in str(refusal), refusal
    step("Production is entered through its gate alone, and the refusal says so")

    details = registry.get_model(model).registered_model_databricks
    assert details.name == model, details
    assert model in [m.name for m in registry.list_models()]
    step("models are read and listed")

    webhook = registry.create_webhook(
        [RegistryWebhookEvent.MODEL_VERSION_CREATED],
        model_name=model,
        status=RegistryWebhookStatus.DISABLED,
        http_url_spec=HttpUrlSpec(url="https://hook.invalid/", secret="s3cret"),
    ).webhook
    listed = list(registry.list_webhooks(model_name=model))
    assert [w.id for w in listed] == [webhook.id] and "s3cret" not in str(listed), listed
    step("a webhook is made, and listed without its secret")

    events = [RegistryWebhookEvent.COMMENT_CREATED, RegistryWebhookEvent.MODEL_VERSION_TAG_SET]
    changed = registry.update_webhook(webhook.id, description="changed", events=events).webhook
    assert changed.id == webhook.id and changed.events == events and changed.description == "changed", changed
    # No such host exists anywhere: the call is made, and what became of it is told.
    tried = registry.test_registry_webhook(webhook.id, event=RegistryWebhookEvent.COMMENT_CREATED)
    assert tried.status_code is None and tried.body == "no connection", tried
    registry.delete_webhook(id=webhook.id)
    assert list(registry.list_webhooks(model_name=model)) == []
    step("a webhook is changed, tried and deleted")


main()
