"""Files for the grading of a class on Gradescope, Classroom 50 or GitHub Actions.

python -m grading.deployment gradescope module4 autograder.zip
python -m grading.deployment classroom50 module4 FOLDER --grader OWNER/NAME --tag TAG
python -m grading.deployment actions module4 grade.yml --grader OWNER/NAME --tag TAG
"""
