"""The course: lessons in ``course/`` of a checkout, their editions, their check, and what students' notebooks call."""
