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
    /api/posts/, /api/posts/ID/        posts {id, title, n, owner}, of which each user has their own;
                                       the list can be filtered by ?id=

A token may also come alone, as in `Authorization: T`.
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
from django.db import connection, models
from django.urls import include, path
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter
from rest_framework.serializers import ModelSerializer
from rest_framework.settings import api_settings
from rest_framework.viewsets import ModelViewSet


class TokenAlone(TokenAuthentication):
    """As PocketBase's SDKs send a token: without a word before it."""

    def authenticate(self, request):
        words = request.headers.get("Authorization", "").split()
        return self.authenticate_credentials(words[0]) if len(words) == 1 else None


ALL_OF_THEM = [*api_settings.DEFAULT_AUTHENTICATION_CLASSES, TokenAlone]


class Post(models.Model):
    title = models.CharField(max_length=100, blank=True)
    n = models.IntegerField(default=0)
    owner = models.ForeignKey(User, models.CASCADE)

    class Meta:
        app_label = "posts"


class PostSerializer(ModelSerializer):
    class Meta:
        model = Post
        fields = ["id", "title", "n", "owner"]
        read_only_fields = ["owner"]


class PostViewSet(ModelViewSet):
    authentication_classes = ALL_OF_THEM
    permission_classes = [IsAuthenticated]
    serializer_class = PostSerializer

    def get_queryset(self):
        own = Post.objects.filter(owner=self.request.user).order_by("id")
        asked = self.request.query_params.get("id")
        return own if asked is None else own.filter(id=asked)

    def perform_create(self, serializer):
        serializer.save(owner=self.request.user)


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
@authentication_classes(ALL_OF_THEM)
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


router = DefaultRouter()
router.register("posts", PostViewSet, basename="post")

urlpatterns = [
    path("login", log_in),
    path("logout", log_out),
    path("token", obtain_auth_token),
    path("api/me", me),
    path("role", role),
    path("posts", posts),
    path("api/", include(router.urls)),
]

call_command("migrate", verbosity=0)
with connection.schema_editor() as editor:
    editor.create_model(Post)
for name in ["ada", "eve"]:
    User.objects.create_user(name, password=name)
User.objects.get(username="ada").groups.add(Group.objects.create(name="editor"))
call_command("runserver", f"127.0.0.1:{PORT}", use_reloader=False, skip_checks=True)
