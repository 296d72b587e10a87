"""The hello-world of DSPy: https://dspy.ai, "Building AI systems with DSPy", the first program.

The last lines of the page, which run it, stand under `__main__`; nothing else is changed but the model's name.
"""

import dspy

lm = dspy.LM("openai/gpt-5-mini")
dspy.configure(lm=lm)

math = dspy.ChainOfThought("question -> answer: float")

if __name__ == "__main__":
    print(math(question="Two dice are tossed. What is the probability that the sum equals two?"))
