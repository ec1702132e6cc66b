// Questions about a document as a whole: its date, its parties, who wrote it, what it is called.
#pragma once

#include <string_view>

#include "retriever/text/analyzer.h"

namespace footnote::retriever {

// Whether the question asks for nothing but such a property: "What is the date of the contract?",
// "Who are the parties?", "When does it become effective?". One that asks for anything else beside
// it ("When does the warranty become effective?") is not. English words only; false for others.
bool AsksAboutWholeDocument(std::string_view question, const Analyzer& analyzer);

}  // namespace footnote::retriever
