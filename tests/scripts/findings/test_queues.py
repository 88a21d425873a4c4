"""Which workers a project gets, by the queues that it uses."""

import pytest

from tests.scripts.documents import findings

pytestmark = pytest.mark.slow

APP = """\
    import os

    from celery import Celery

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")
    app = Celery("site1", broker="redis://queue:6379/0")
    """
SCHEDULE = APP + '    app.conf.beat_schedule = {"daily": {"task": "t", "schedule": 86400}}\n'
DECIDED = ("--set", 'workers=[{ name = "own", command = ["check"] }]')


def workers(document):
    return {each["name"]: each for each in document["manifest"]["workers"]}


def test_celery_gets_its_worker(make_project, kit_json):
    document = kit_json("survey", make_project({"site1/celery.py": APP}))
    (finding,) = findings(document, "celery")
    assert (finding["severity"], finding["place"]) == ("handled", "site1/celery.py:6")
    assert "beside the app" in finding["do"]
    assert not findings(document, "celery-beat")
    (worker,) = document["manifest"]["workers"]
    assert worker["module"] == "celery"
    assert worker["args"][:3] == ["-A", "site1.celery:app", "worker"]


@pytest.mark.parametrize(
    ("files", "settings"),
    [
        ({"site1/celery.py": SCHEDULE}, ""),
        pytest.param({"site1/celery.py": APP}, "CELERY_BEAT_SCHEDULE = {}", marks=pytest.mark.long),
    ],
)
def test_a_schedule_gets_beat(make_project, kit_json, files, settings):
    document = kit_json("survey", make_project(files, settings=settings))
    (finding,) = findings(document, "celery-beat")
    assert finding["severity"] == "handled"
    assert [*workers(document)] == ["celery", "celery-beat"]


def test_django_tasks_get_their_worker(make_project, kit_json):
    settings = """
INSTALLED_APPS += ["django_tasks", "django_tasks_db"]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
"""
    document = kit_json("survey", make_project(settings=settings))
    assert findings(document, "django-tasks")[0]["severity"] == "handled"
    assert workers(document)["tasks"]["command"][0] == "db_worker"


@pytest.mark.long
def test_what_was_decided_stays(make_project, kit_json):
    project = make_project({"site1/celery.py": APP})
    document = kit_json("survey", project, *DECIDED)
    assert [*workers(document)] == ["own"]
    assert "inside the request, unless" in findings(document, "celery")[0]["do"]
    document = kit_json("survey", project, "--set", "workers=[]")
    assert document["manifest"]["workers"] == []


@pytest.mark.long
def test_a_celery_without_an_app_is_told(make_project, kit_json):
    document = kit_json("survey", make_project(settings='CELERY_BROKER_URL = "redis://queue"'))
    (finding,) = findings(document, "celery")
    assert "--set 'workers=[" in finding["do"]
    assert document["manifest"]["workers"] == []


def test_a_project_without_a_queue_gets_none(make_project, kit_json):
    document = kit_json("survey", make_project())
    assert document["manifest"]["workers"] == []
    assert not findings(document, "celery")


RQ = """
INSTALLED_APPS += ["django_rq"]
RQ_QUEUES = {"high": {"HOST": "redis.example"}, "default": {"HOST": "redis.example"}}
"""
DRAMATIQ = """
INSTALLED_APPS += ["django_dramatiq"]
DRAMATIQ_BROKER = {"BROKER": "dramatiq.brokers.%s", "OPTIONS": {}, "MIDDLEWARE": []}
"""


def test_rq_gets_its_worker_on_a_redis_of_the_app(make_project, kit_json):
    document = kit_json("survey", make_project(settings=RQ))
    (finding,) = findings(document, "rq")
    assert finding["severity"] == "handled" and "on Windows" in finding["do"]
    worker = workers(document)["rq"]
    assert worker["command"][:3] == ["rqworker", "high", "default"] and worker["redis"]
    assert "rq.SimpleWorker" in worker["command"]


def test_a_worker_class_of_the_project_stays(make_project, kit_json):
    settings = RQ + 'RQ = {"WORKER_CLASS": "site1.workers.Own"}\n'
    document = kit_json("survey", make_project(settings=settings))
    assert "--worker-class" not in workers(document)["rq"]["command"]


def test_dramatiq_on_redis_gets_its_worker(make_project, kit_json):
    document = kit_json("survey", make_project(settings=DRAMATIQ % "redis.RedisBroker"))
    (finding,) = findings(document, "dramatiq")
    assert finding["severity"] == "handled"
    worker = workers(document)["dramatiq"]
    assert worker["module"] == "dramatiq" and worker["redis"]


def test_dramatiq_elsewhere_is_to_be_decided_and_the_answer_can_be_given(make_project, kit_json):
    project = make_project(settings=DRAMATIQ % "rabbitmq.RabbitmqBroker")
    document = kit_json("survey", project)
    (finding,) = findings(document, "dramatiq")
    assert finding["severity"] == "decide" and not workers(document)
    given = finding["do"].partition("--set 'workers=")[2].rpartition("'")[0]
    document = kit_json("survey", project, "--set", f"workers={given}")
    assert not findings(document, "dramatiq")
    assert workers(document)["dramatiq"]["redis"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("app", "name", "differs"),
    [
        ("huey.contrib.djhuey", "huey", "SQLite file in app data"),
        ("django_q", "django-q", "in the database"),
    ],
)
def test_a_queue_says_what_runs_it_and_what_differs(make_project, kit_json, app, name, differs):
    settings = f'INSTALLED_APPS += ["{app}"]\nHUEY = {{"name": "h"}}\nQ_CLUSTER = {{"name": "q"}}\n'
    document = kit_json("survey", make_project(settings=settings))
    (finding,) = findings(document, name)
    assert finding["severity"] == "handled"
    assert f"[[workers]] {name}" in finding["do"] and differs in finding["do"]
    assert [*workers(document)] == [name]


@pytest.mark.long
def test_apscheduler_needs_no_worker_and_says_so(make_project, kit_json):
    files = {"site1/jobs.py": "import apscheduler.schedulers.background\n"}
    settings = "import site1.jobs  # noqa\n"
    document = kit_json("survey", make_project(files, settings=settings))
    (finding,) = findings(document, "apscheduler")
    assert finding["severity"] == "handled" and "in the backend alone" in finding["do"]
    assert document["manifest"]["workers"] == []


CRON = """
INSTALLED_APPS += ["django_crontab", "django_cron"]
CRONJOBS = [("0 3 * * *", "site1.jobs.clean")]
CRON_CLASSES = ["site1.jobs.Clean"]
"""


def test_both_packages_of_cron_get_one_clock(make_project, kit_json):
    document = kit_json("survey", make_project(settings=CRON))
    for name in ("django-crontab", "django-cron"):
        (finding,) = findings(document, name)
        assert finding["severity"] == "handled" and "[[workers]] cron" in finding["do"]
    (worker,) = document["manifest"]["workers"]
    assert worker["module"] == "desktop_runtime.cronjobs"


LAYER = """
CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}
"""
CACHE = """
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}
"""


@pytest.mark.parametrize(
    ("settings", "shares"),
    [(CACHE, True), pytest.param(LAYER, True, marks=pytest.mark.long), ("", False)],
)
def test_a_worker_shares_what_is_on_redis_with_the_pages(make_project, kit_json, settings, shares):
    document = kit_json("survey", make_project({"site1/celery.py": SCHEDULE}, settings=settings))
    found = workers(document)
    assert ("redis" in found["celery"]) == shares
    assert "redis" not in found["celery-beat"]
    assert ("on Windows" in findings(document, "celery")[0]["do"]) == shares
