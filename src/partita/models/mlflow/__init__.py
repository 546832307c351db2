"""Models in MLflow's format (https://mlflow.org/docs/latest/ml/model/), written and read without MLflow."""
