-- The best way to find rare words is the worst for common ones: no plan is kept in this transaction.
SET LOCAL plan_cache_mode = force_custom_plan
