from django.contrib import admin
from django.urls import include, path
from visits.views import VisitCreate, VisitList

urlpatterns = [
    path("", VisitList.as_view(), name="visits"),
    path("new/", VisitCreate.as_view(), name="visit-new"),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
]
