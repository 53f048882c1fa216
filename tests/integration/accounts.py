"""Run with the environment's Python: a bucket, a user who may do all, one who may do nothing.

Prints the two keys of each.
"""

from __future__ import annotations

import json
import sys

import boto3

boto3.client("s3").create_bucket(Bucket=sys.argv[1])
iam = boto3.client("iam")
everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
for name in ("mlflow", "nobody"):
    iam.create_user(UserName=name)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    sys.stdout.write(f"{keys['AccessKeyId']} {keys['SecretAccessKey']} ")
iam.put_user_policy(
    UserName="mlflow",
    PolicyName="everything",
    PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
)
