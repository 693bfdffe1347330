"""Files for the grading of a class on Gradescope or GitHub Classroom.

python -m grading.deployment gradescope module4 autograder.zip
python -m grading.deployment classroom module4 classroom.yml --grader OWNER/REPOSITORY
"""
