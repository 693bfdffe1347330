"""What a class needs where its submissions arrive: on Gradescope, in GitHub Classroom.

python -m grading.deployment gradescope module4 autograder.zip
python -m grading.deployment classroom module4 classroom.yml --grader OWNER/REPOSITORY
"""
