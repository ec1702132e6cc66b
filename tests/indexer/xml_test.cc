// XML trees: names without prefixes, text in order, hostile input.
#include "indexer/parsers/xml.h"

#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

TEST(Xml, NamesComeWithoutTheirPrefix) {
  ASSERT_OK_AND_ASSIGN(const XmlDocument document,
                       XmlDocument::Parse("<w:p xmlns:w='u'><w:r w:val='1'>a<!-- c -->b</w:r> "
                                          "<x>&lt;&#233;</x><w:r/></w:p>"));
  const XmlNode root = document.root();
  EXPECT_EQ(root.name(), "p");
  EXPECT_EQ(root.children().size(), 3u);
  EXPECT_EQ(root.children("r").size(), 2u);
  EXPECT_EQ(root.child("r").attribute("val"), "1");
  EXPECT_EQ(root.child("r").attribute("none"), "");
  EXPECT_FALSE(root.child("none").child("deeper"));
  EXPECT_EQ(TextOf(root), "ab <\xC3\xA9");
}

TEST(Xml, WhatIsNoXmlNamesTheByte) {
  EXPECT_STATUS(XmlDocument::Parse("<a><b></a>"), kInvalidArgument, "not well-formed");
  EXPECT_STATUS(XmlDocument::Parse(""), kInvalidArgument, "not well-formed");
}

TEST(Xml, EntitiesDoNotGrow) {
  ASSERT_OK_AND_ASSIGN(const XmlDocument document,
                       XmlDocument::Parse("<!DOCTYPE a [<!ENTITY b 'xxxxxxxx'>]><a>&b;&b;</a>"));
  EXPECT_EQ(TextOf(document.root()), "&b;&b;");
}

TEST(Xml, ADeepTreeIsRefused) {
  std::string deep;
  for (int i = 0; i < 200000; ++i) deep += "<a>";
  for (int i = 0; i < 200000; ++i) deep += "</a>";
  EXPECT_STATUS(XmlDocument::Parse(deep), kInvalidArgument, "nested too deep");
}

TEST(Xml, ATreeThatMemoryDoesNotHoldIsRefused) {
  constexpr int kElements = 17 << 20;  // 68 MB of text, over a gigabyte of nodes
  std::string wide = "<r>";
  for (int i = 0; i < kElements; ++i) wide += "<a/>";
  EXPECT_STATUS(XmlDocument::Parse(wide + "</r>"), kResourceExhausted, "split it into several");
}

TEST(Xml, AttributesWithAPrefixAndNumbersAreTold) {
  ASSERT_OK_AND_ASSIGN(const XmlDocument document, XmlDocument::Parse("<s id='256' r:id='rId2'/>"));
  EXPECT_EQ(document.root().attribute("id"), "256");
  EXPECT_EQ(document.root().prefixed_attribute("id"), "rId2");
  EXPECT_EQ(ReadInt("99999999999", 0, 9, -1), -1);
  EXPECT_EQ(ReadInt("12 pt", 0, 9, -1), 9);
  EXPECT_EQ(ReadInt("", 0, 9, -1), -1);
}

}  // namespace
}  // namespace footnote::indexer
