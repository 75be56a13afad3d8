"""An API with sessions and tokens of its own: Django and its REST framework, as they come.

    api.py FOLDER PORT

There are the users ada, an editor, and eve, each with their name as password. What is asked is
printed to standard error by Django.

    POST /login {username, password}   sets the cookie `sessionid`
    POST /logout                       ends the session of that cookie
    POST /token {username, password}   {token}, for `Authorization: Token T`
    GET  /api/me                       {id, username, role}, or 403
    POST /role {username, role}        lets somebody be something else
    POST /posts                        201, from anybody
"""

import sys

from django.conf import settings

FOLDER, PORT = sys.argv[1:]

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{FOLDER}/api.sqlite"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "rest_framework",
        "rest_framework.authtoken",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [
            "rest_framework.authentication.SessionAuthentication",
            "rest_framework.authentication.TokenAuthentication",
            "rest_framework.authentication.BasicAuthentication",
        ],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a test",
)

import django

django.setup()

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.urls import path
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response


@api_view(["POST"])
@authentication_classes([])
def log_in(request):
    user = authenticate(username=request.data["username"], password=request.data["password"])
    if user is None:
        return Response({"detail": "no"}, status=403)
    login(request._request, user)
    return Response({"ok": True})


@api_view(["POST"])
@authentication_classes([])
def log_out(request):
    logout(request._request)
    return Response({"ok": True})


@api_view(["GET"])
@permission_classes([IsAuthenticated])
def me(request):
    group = request.user.groups.first()
    role = group.name if group else None
    return Response({"id": request.user.id, "username": request.user.username, "role": role})


@api_view(["POST"])
@authentication_classes([])
def role(request):
    group, _ = Group.objects.get_or_create(name=request.data["role"])
    User.objects.get(username=request.data["username"]).groups.set([group])
    return Response({"ok": True})


@api_view(["POST"])
@authentication_classes([])
def posts(request):
    return Response({"id": 1, **request.data}, status=201)


urlpatterns = [
    path("login", log_in),
    path("logout", log_out),
    path("token", obtain_auth_token),
    path("api/me", me),
    path("role", role),
    path("posts", posts),
]

call_command("migrate", verbosity=0)
for name in ["ada", "eve"]:
    User.objects.create_user(name, password=name)
User.objects.get(username="ada").groups.add(Group.objects.create(name="editor"))
call_command("runserver", f"127.0.0.1:{PORT}", use_reloader=False, skip_checks=True)
