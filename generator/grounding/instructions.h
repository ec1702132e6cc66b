// Sentences of a document that speak to whoever answers, not to its readers: they are no evidence,
// and are neither quoted nor cited. Private to the generator room.
//
// Phrases, in instruction_phrases.def: what a manual says to people ("ignore case") is none. That
// such a sentence is not found does no more harm than any other false sentence of a document.
#pragma once

#include <string_view>

namespace footnote::generator::grounding {

bool SpeaksToTheModel(std::string_view sentence);

}  // namespace footnote::generator::grounding
