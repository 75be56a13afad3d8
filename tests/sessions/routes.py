"""An API with all that routers of Django REST framework mount, and what people add to them.

    routes.py FOLDER PORT

    /api/posts/           {id, title, n}: one or an array; PUT and DELETE of an array too; PUT of an id
                          that is not there makes it
    /api/posts/ID/publish/, /api/posts/archive/, DELETE /api/posts/clear/: actions
    /api/posts/ID/comments/[ID/]    {id, text}
    /api/notes/SLUG/      {id, slug, n}, looked up by the slug
    /api/tags/UUID/       {id, n}
    /api/busy/            429
"""

import sys
from copy import deepcopy
from uuid import uuid4

from django.conf import settings

FOLDER, PORT = sys.argv[1:]

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{FOLDER}/api.sqlite"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=["django.contrib.staticfiles", "rest_framework"],
    # Redirects a path to the one with a slash at its end.
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a test",
    STATIC_URL="/static/",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
)

import django

django.setup()

from django.core.management import call_command
from django.db import connection, models
from django.http import Http404
from django.urls import include, path
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter, SimpleRouter
from rest_framework.serializers import ModelSerializer
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView
from rest_framework.viewsets import ModelViewSet


class Post(models.Model):
    title = models.CharField(max_length=9)
    n = models.IntegerField(default=0)

    class Meta:
        app_label = "posts"


class Comment(models.Model):
    text = models.CharField(max_length=9)
    post = models.IntegerField()

    class Meta:
        app_label = "posts"


class Note(models.Model):
    slug = models.SlugField(unique=True)
    n = models.IntegerField(default=0)

    class Meta:
        app_label = "posts"


class Tag(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid4)
    n = models.IntegerField(default=0)

    class Meta:
        app_label = "posts"


def serializer_of(of, names):
    class Serializer(ModelSerializer):
        class Meta:
            model = of
            fields = names

    return Serializer


class PostViewSet(ModelViewSet):
    queryset = Post.objects.order_by("id")
    serializer_class = serializer_of(Post, ["id", "title", "n"])

    def create(self, request, **kwargs):
        serializer = self.get_serializer(data=request.data, many=isinstance(request.data, list))
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data, status=201)

    def update(self, request, pk, **kwargs):
        try:
            return super().update(request, pk=pk, **kwargs)
        except Http404:
            if request.method != "PUT":
                raise
            serializer = self.get_serializer(data=request.data)
            serializer.is_valid(raise_exception=True)
            serializer.save(id=int(pk))
            return Response(serializer.data, status=201)

    def bulk_update(self, request, **kwargs):
        changed = []
        for data in request.data:
            serializer = self.get_serializer(self.get_queryset().get(pk=data["id"]), data=data)
            serializer.is_valid(raise_exception=True)
            serializer.save()
            changed.append(serializer.data)
        return Response(changed)

    def bulk_destroy(self, request, **kwargs):
        self.get_queryset().filter(pk__in=request.data).delete()
        return Response(status=204)

    @action(detail=True, methods=["post"])
    def publish(self, request, pk):
        return Response({"id": pk, "published": True})

    @action(detail=False, methods=["post"])
    def archive(self, request):
        return Response({"id": 7, "archived": 3}, status=201)

    @action(detail=False, methods=["delete"])
    def clear(self, request):
        self.get_queryset().delete()
        return Response(status=204)


class CommentViewSet(ModelViewSet):
    serializer_class = serializer_of(Comment, ["id", "text"])

    def get_queryset(self):
        return Comment.objects.filter(post=self.kwargs["post"])

    def perform_create(self, serializer):
        serializer.save(post=self.kwargs["post"])


class NoteViewSet(ModelViewSet):
    queryset = Note.objects.all()
    lookup_field = "slug"
    serializer_class = serializer_of(Note, ["id", "slug", "n"])


class TagViewSet(ModelViewSet):
    queryset = Tag.objects.all()
    serializer_class = serializer_of(Tag, ["id", "n"])


class Always(BaseThrottle):
    def allow_request(self, request, view):
        return False


class Busy(APIView):
    throttle_classes = [Always]

    def post(self, request):
        return Response({"id": 1}, status=201)


class BulkRouter(DefaultRouter):
    routes = deepcopy(DefaultRouter.routes)
    routes[0].mapping.update({"put": "bulk_update", "delete": "bulk_destroy"})


router = BulkRouter()
router.register("posts", PostViewSet)
router.register("notes", NoteViewSet)
router.register("tags", TagViewSet)
comments = SimpleRouter()
comments.register("comments", CommentViewSet, basename="comment")

urlpatterns = [
    path("api/busy/", Busy.as_view()),
    path("api/", include(router.urls)),
    path("api/posts/<int:post>/", include(comments.urls)),
]

with connection.schema_editor() as editor:
    for model in [Post, Comment, Note, Tag]:
        editor.create_model(model)
call_command("runserver", f"127.0.0.1:{PORT}", use_reloader=False, skip_checks=True)
