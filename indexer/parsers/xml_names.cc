#include "indexer/parsers/xml_names.h"

#include <algorithm>
#include <array>
#include <utility>

namespace footnote::indexer {

XmlKind KindOfXmlName(std::string_view name) {
  using enum XmlKind;
  static constexpr auto kKinds =
      std::to_array<std::pair<std::string_view, XmlKind>>({{"ab", kParagraph},
                                                           {"authorialNote", kFootnote},
                                                           {"br", kBreak},
                                                           {"caption", kFloat},
                                                           {"caution", kAdmonition},
                                                           {"def-item", kTerm},
                                                           {"del", kDropped},
                                                           {"description", kParagraph},
                                                           {"disp-quote", kParagraph},
                                                           {"eg", kCode},
                                                           {"eol", kBreak},
                                                           {"example", kFloat},
                                                           {"fig", kFloat},
                                                           {"figure", kFloat},
                                                           {"fn", kFootnote},
                                                           {"footnote", kFootnote},
                                                           {"formalpara", kFloat},
                                                           {"glossentry", kTerm},
                                                           {"h1", kHeading},
                                                           {"h2", kHeading},
                                                           {"h3", kHeading},
                                                           {"h4", kHeading},
                                                           {"h5", kHeading},
                                                           {"h6", kHeading},
                                                           {"head", kHeading},
                                                           {"heading", kHeading},
                                                           {"important", kAdmonition},
                                                           {"informaltable", kTable},
                                                           {"item", kItem},
                                                           {"itemizedlist", kList},
                                                           {"lb", kBreak},
                                                           {"li", kItem},
                                                           {"list", kList},
                                                           {"list-item", kItem},
                                                           {"listitem", kItem},
                                                           {"literallayout", kCode},
                                                           {"member", kItem},
                                                           {"note", kAdmonition},
                                                           {"ol", kOrderedList},
                                                           {"orderedlist", kOrderedList},
                                                           {"p", kParagraph},
                                                           {"para", kParagraph},
                                                           {"pre", kCode},
                                                           {"preformat", kCode},
                                                           {"programlisting", kCode},
                                                           {"row", kRow},
                                                           {"screen", kCode},
                                                           {"script", kDropped},
                                                           {"simpara", kParagraph},
                                                           {"simplelist", kList},
                                                           {"style", kDropped},
                                                           {"synopsis", kCode},
                                                           {"table", kTable},
                                                           {"table-wrap", kFloat},
                                                           {"text", kParagraph},
                                                           {"tip", kAdmonition},
                                                           {"title", kHeading},
                                                           {"tr", kRow},
                                                           {"ul", kList},
                                                           {"varlistentry", kTerm},
                                                           {"warning", kAdmonition}});
  static_assert(std::is_sorted(kKinds.begin(), kKinds.end(),
                               [](const auto& a, const auto& b) { return a.first < b.first; }));
  const auto found =
      std::lower_bound(kKinds.begin(), kKinds.end(), name,
                       [](const auto& entry, std::string_view key) { return entry.first < key; });
  return found != kKinds.end() && found->first == name ? found->second : kOther;
}

}  // namespace footnote::indexer
