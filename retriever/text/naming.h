// Questions that say which document they mean before they ask: "In the lease "Main Street 5": who
// pays?", "Consider the supply agreement between A and B. Who pays?".
#pragma once

#include <string>
#include <string_view>

#include "retriever/text/analyzer.h"

namespace footnote::retriever {

// What is asked, for a search within the document that has this title: the question without its
// front, where that names the title in full and a question of its own is left. Otherwise all of it.
// Points into `question`.
std::string_view WithoutNaming(std::string_view question, std::string_view title,
                               const Analyzer& analyzer);

}  // namespace footnote::retriever
