"""Where the site of `django_site` has its pages."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls), path("dkron/", include("dkron.urls"))]
