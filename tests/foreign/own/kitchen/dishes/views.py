from django.shortcuts import redirect, render

from .models import Dish
from .tasks import cook


def board(request):
    return render(request, "dishes/board.html", {"dishes": Dish.objects.order_by("pk")})


def new(request):
    if request.method == "POST":
        cook.delay(Dish.objects.create(name=request.POST["name"][:80]).pk)
        return redirect("/")
    return render(request, "dishes/new.html")
