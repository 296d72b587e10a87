"""The hello-world of Haystack: https://haystack.deepset.ai/overview/quick-start.

It has two documents instead of a download. The last lines of the page, which run it, stand under `__main__`.
"""

from haystack import Document, Pipeline
from haystack.components.builders import ChatPromptBuilder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.dataclasses import ChatMessage
from haystack.document_stores.in_memory import InMemoryDocumentStore

document_store = InMemoryDocumentStore()
document_store.write_documents(
    [
        Document(content="My name is Jean and I live in Paris."),
        Document(content="My name is Mark and I live in Berlin."),
    ]
)

prompt_template = [
    ChatMessage.from_user(
        """
        Given these documents, answer the question.
        Documents:
        {% for doc in documents %}{{ doc.content }}
        {% endfor %}
        Question: {{question}}
        Answer:
        """
    )
]

pipeline = Pipeline()
pipeline.add_component("retriever", InMemoryBM25Retriever(document_store=document_store))
pipeline.add_component("prompt_builder", ChatPromptBuilder(template=prompt_template, required_variables="*"))
pipeline.add_component("llm", OpenAIChatGenerator(model="gpt-5-mini"))
pipeline.connect("retriever", "prompt_builder.documents")
pipeline.connect("prompt_builder", "llm.messages")

if __name__ == "__main__":
    question = "Who lives in Paris?"
    print(pipeline.run({"retriever": {"query": question}, "prompt_builder": {"question": question}}))
