class StatisticsRouter:
    def allow_migrate(self, db, app_label, **hints):
        return app_label == "contenttypes" if db == "statistics" else None
