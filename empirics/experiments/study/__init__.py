"""The study of E1-E5 on real data, as ``docs/study_plan.md`` lays it down: settings, arms, runs, outcomes, verdicts."""
