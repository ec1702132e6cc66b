#include "server/local_api.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "tests/testing/fake_embedder.h"
#include "tests/testing/fake_reranker.h"
#include "tests/testing/scripted_generator.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::server {
namespace {

namespace fs = std::filesystem;

constexpr char kLease[] =
    "# Lease agreement\n\n"
    "The tenant shall pay the rent of 950 EUR on the first working day of each month. "
    "The tenant may not keep dogs in the apartment without written consent of the landlord.\n";

class LocalApiTest : public ::testing::Test {
 protected:
  LocalApiTest() {
    auto entry = std::make_shared<EmbedderEntry>();
    entry->embedder = std::make_unique<testing::FakeEmbedder>();
    embedder_ = entry;
    catalog_ = std::make_unique<Catalog>(root(), embedder_, generator::ModelOptions());
    editor_ = std::make_unique<CorpusEditor>(root());
    auto scripted = std::make_unique<testing::ScriptedGenerator>();
    scripted_ = scripted.get();
    generator_.generator = std::move(scripted);
    generator_.isa = "plain";
    Restart(/*trust_principals=*/false);
  }

  fs::path root() const { return dir_.path() / "corpora"; }

  void Restart(bool trust_principals) {
    LocalApiOptions options;
    options.trust_principals = trust_principals;
    options.upload_folder = dir_.path() / "uploads";
    options.answers.prompt_budget_tokens = 100000;  // the fake tokenizer has a token per byte
    options.answers.max_answer_tokens = 1000;
    api_ = std::make_unique<LocalApi>(catalog_.get(), editor_.get(), &generator_, nullptr, options);
  }

  void Create(const std::string& corpus) {
    v1::CreateCorpusRequest request;
    request.set_name(corpus);
    ASSERT_OK(api_->CreateCorpus(request).status());
  }

  StatusOr<v1::ImportReport> Import(const std::string& corpus, const std::string& name,
                                    const std::string& content) {
    const auto session = api_->StartImport();
    v1::ImportDocumentsRequest start;
    start.mutable_start()->set_corpus(corpus);
    FOOTNOTE_RETURN_IF_ERROR(session->Accept(start));
    v1::ImportDocumentsRequest file;
    file.mutable_file()->set_file_name(name);
    FOOTNOTE_RETURN_IF_ERROR(session->Accept(file));
    for (size_t i = 0; i < content.size(); i += 50) {
      v1::ImportDocumentsRequest piece;
      piece.set_content(content.substr(i, 50));
      FOOTNOTE_RETURN_IF_ERROR(session->Accept(piece));
    }
    v1::ImportReport report;
    FOOTNOTE_RETURN_IF_ERROR(
        session->Finish(CallContext(), [&](const v1::ImportDocumentsResponse& response) {
          if (response.has_report()) report = response.report();
        }));
    return report;
  }

  StatusOr<v1::SearchResponse> Search(const std::string& corpus, const std::string& query) {
    v1::SearchRequest request;
    request.set_corpus(corpus);
    request.set_query(query);
    return api_->Search(request, CallContext());
  }

  Status Delete(const std::string& corpus, const std::string& id) {
    v1::DeleteDocumentRequest request;
    request.set_corpus(corpus);
    request.set_document_id(id);
    return api_->DeleteDocument(request, CallContext()).status();
  }

  // Only `principal` may see the document from now on.
  void Restrict(const std::string& corpus, const std::string& id, const std::string& principal) {
    retriever::CorpusSettings settings;
    settings.embedder_sha256 = embedder_->embedder->model_sha256();
    settings.embedder_name = embedder_->embedder->name();
    settings.width = embedder_->embedder->width();
    auto writer = retriever::CorpusWriter::Open(root(), corpus, settings);
    // The import's writer is closed a moment after it.
    for (int i = 0; i < 200 && !writer.ok(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      writer = retriever::CorpusWriter::Open(root(), corpus, settings);
    }
    ASSERT_OK(writer.status());
    ASSERT_OK((*writer)->SetAccess(id, {{principal}, {}}));
    ASSERT_OK((*writer)->Publish().status());
  }

  StatusOr<v1::Answer> Summarize(const v1::SummarizeRequest& request) {
    v1::Answer answer;
    FOOTNOTE_RETURN_IF_ERROR(
        api_->Summarize(request, CallContext(), [&](const v1::AskResponse& event) {
          if (event.has_answer()) answer = event.answer();
        }));
    return answer;
  }

  testing::TempDir dir_;
  std::shared_ptr<const EmbedderEntry> embedder_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<CorpusEditor> editor_;
  LoadedGenerator generator_;
  testing::ScriptedGenerator* scripted_ = nullptr;
  std::unique_ptr<LocalApi> api_;
};

TEST_F(LocalApiTest, ADocumentIsFoundAfterItsImportAndGoneAfterItsDeletion) {
  Create("homes");
  const auto report = Import("homes", "contracts/lease.md", kLease);
  ASSERT_OK(report.status());
  EXPECT_EQ(report->added(), 1U);
  EXPECT_EQ(report->failed(), 0U);
  auto found = Search("homes", "rent of the tenant");
  ASSERT_OK(found.status());
  ASSERT_FALSE(found->passages().empty());
  EXPECT_EQ(found->passages(0).document_id(), "contracts/lease.md");

  ASSERT_OK(Delete("homes", "contracts/lease.md"));
  found = Search("homes", "rent of the tenant");
  ASSERT_OK(found.status());
  EXPECT_TRUE(found->passages().empty());
  EXPECT_EQ(Delete("homes", "contracts/lease.md").code(), StatusCode::kNotFound);
}

TEST_F(LocalApiTest, AnUploadedDocumentDoesNotTellWhereItWaited) {
  Create("homes");
  ASSERT_OK(Import("homes", "lease.md", kLease).status());
  v1::GetDocumentRequest request;
  request.set_corpus("homes");
  request.set_document_id("lease.md");
  const auto document = api_->GetDocument(request);
  ASSERT_OK(document.status());
  EXPECT_EQ(document->source(), "upload:lease.md");
  const auto failed = Import("homes", "picture.md", std::string("\x89PNG\r\n\0\0", 8));
  ASSERT_OK(failed.status());
  ASSERT_EQ(failed->failures_size(), 1);
  EXPECT_EQ(failed->failures(0).file_name(), "upload:picture.md");
  EXPECT_TRUE(fs::is_empty(dir_.path() / "uploads"));
}

TEST_F(LocalApiTest, AnAnswerComesAsPassagesSentencesAndTheWhole) {
  Create("homes");
  ASSERT_OK(Import("homes", "lease.md", kLease).status());
  scripted_->script = {"The tenant shall pay the rent of 950 EUR on the first working day."};
  v1::AskRequest request;
  request.set_corpus("homes");
  request.set_question("When shall the tenant pay the rent?");
  std::vector<v1::AskResponse> events;
  ASSERT_OK(api_->Ask(request, CallContext(),
                      [&](const v1::AskResponse& event) { events.push_back(event); }));
  ASSERT_GE(events.size(), 3U);
  EXPECT_TRUE(events.front().has_passages());
  EXPECT_FALSE(events.front().passages().passages(0).text().empty());
  ASSERT_TRUE(events.back().has_answer());
  const v1::Answer& answer = events.back().answer();
  EXPECT_FALSE(answer.abstained());
  ASSERT_FALSE(answer.citations().empty());
  const v1::Citation& citation = answer.citations(0);
  v1::GetDocumentRequest document_request;
  document_request.set_corpus("homes");
  document_request.set_document_id(citation.document_id());
  document_request.set_start_byte(citation.start_byte());
  document_request.set_end_byte(citation.end_byte());
  const auto document = api_->GetDocument(document_request);
  ASSERT_OK(document.status());
  EXPECT_EQ(document->text(), citation.quote());
  EXPECT_EQ(answer.record().corpus(), "homes");
}

TEST_F(LocalApiTest, ARequestTurnsTheRerankerOnOrOff) {
  Create("homes");
  ASSERT_OK(Import("homes", "lease.md", kLease).status());
  v1::SearchRequest search;
  search.set_corpus("homes");
  search.set_query("And who pays it?");
  v1::ConversationTurn& turn = *search.add_history();
  turn.set_role("user");
  turn.set_content("What is the rent of the tenant?");
  v1::AskRequest ask;
  ask.set_corpus("homes");
  ask.set_question("When shall the tenant pay the rent?");
  // Without one: fine unless it is asked for.
  ASSERT_OK(api_->Search(search, CallContext()).status());
  search.set_rerank(true);
  EXPECT_STATUS(api_->Search(search, CallContext()), kFailedPrecondition, "--reranker PATH");
  ask.set_rerank(true);
  EXPECT_STATUS(api_->Ask(ask, CallContext(), [](const auto&) {}), kFailedPrecondition,
                "--reranker PATH");

  const testing::FakeReranker reranker;
  catalog_ = std::make_unique<Catalog>(root(), embedder_, generator::ModelOptions(),
                                       retriever::Reranking{&reranker, 8});
  Restart(/*trust_principals=*/false);
  const auto record_of = [&] {
    scripted_->script = {"The tenant shall pay the rent of 950 EUR on the first working day."};
    v1::AnswerRecord record;
    EXPECT_OK(api_->Ask(ask, CallContext(), [&](const v1::AskResponse& event) {
      if (event.has_answer()) record = event.answer().record();
    }));
    return record.reranker_sha256();
  };
  ASSERT_OK(api_->Search(search, CallContext()).status());
  const auto calls = reranker.TakeCalls();
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_NE(calls[0].query.find("rent"), std::string::npos)
      << "it reads what the question refers to: " << calls[0].query;
  EXPECT_EQ(record_of(), reranker.model_sha256());
  ask.clear_rerank();
  EXPECT_EQ(record_of(), reranker.model_sha256());
  EXPECT_EQ(reranker.TakeCalls().size(), 2U);
  ask.set_rerank(false);
  search.set_rerank(false);
  ASSERT_OK(api_->Search(search, CallContext()).status());
  EXPECT_EQ(record_of(), "");
  EXPECT_TRUE(reranker.TakeCalls().empty());
}

TEST_F(LocalApiTest, ARequestAsksForListsThatDoNotSayOneThingManyTimes) {
  Create("homes");
  for (const std::string& kind : {"Flat", "House", "Studio"}) {
    ASSERT_OK(Import("homes", kind + ".md",
                     "# " + kind + "\n\nThe tenant pays the monthly rent in advance for the " +
                         kind + " to the landlord.\n")
                  .status());
  }
  ASSERT_OK(
      Import("homes", "deposit.md",
             "# Deposit\n\nBefore the rent begins, three monthly sums are left with a bank.\n")
          .status());
  v1::SearchRequest search;
  search.set_corpus("homes");
  search.set_query("Which monthly rent does the tenant pay in advance?");
  const auto plain = api_->Search(search, CallContext());
  ASSERT_OK(plain.status());
  ASSERT_EQ(plain->passages_size(), 4);
  EXPECT_EQ(plain->passages(3).document_id(), "deposit.md");
  search.set_diversity(0.9);
  const auto diverse = api_->Search(search, CallContext());
  ASSERT_OK(diverse.status());
  ASSERT_EQ(diverse->passages_size(), 4);
  EXPECT_EQ(diverse->passages(1).document_id(), "deposit.md");
  EXPECT_GT(diverse->timings_ms().diversify(), 0);
  for (const double wrong : {-1.0, 2.0, std::nan("")}) {
    search.set_diversity(wrong);
    EXPECT_STATUS(api_->Search(search, CallContext()), kInvalidArgument, "diversity is ");
  }

  std::string text = "# Rules\n";
  for (int i = 0; i < 30; ++i) {
    text += "\n## Rule " + std::to_string(i) + "\n\n";
    for (int w = 0; w < 60; ++w) text += "Pay rent r" + std::to_string(60 * i + w) + ". ";
  }
  ASSERT_OK(Import("homes", "rules.md", text).status());
  search.clear_diversity();
  search.set_query("pay rent");
  const auto count = [&] {
    const auto found = api_->Search(search, CallContext());
    EXPECT_OK(found.status());
    return std::count_if(found->passages().begin(), found->passages().end(),
                         [](const auto& one) { return one.document_id() == "rules.md"; });
  };
  EXPECT_GT(count(), 2);
  search.set_max_per_document(2);
  EXPECT_EQ(count(), 2);
}

TEST_F(LocalApiTest, APartOfADocumentIsWidenedToWholeCharacters) {
  Create("notes");
  ASSERT_OK(Import("notes", "n.txt", "Größe und Maß der Straße.").status());
  v1::GetDocumentRequest request;
  request.set_corpus("notes");
  request.set_document_id("n.txt");
  request.set_start_byte(3);  // inside "ö", which is bytes 2 and 3
  request.set_end_byte(5);    // inside "ß"
  const auto document = api_->GetDocument(request);
  ASSERT_OK(document.status());
  EXPECT_EQ(document->text(), "öß");
  EXPECT_EQ(document->start_byte(), 2U);
  EXPECT_EQ(document->end_byte(), 6U);
}

TEST_F(LocalApiTest, APrivateCorpusLooksLikeAMissingOne) {
  retriever::CorpusSettings settings;
  settings.embedder_sha256 = embedder_->embedder->model_sha256();
  settings.embedder_name = embedder_->embedder->name();
  settings.width = embedder_->embedder->width();
  {
    auto writer = retriever::CorpusWriter::Open(root(), "secret", settings);
    ASSERT_OK(writer.status());
    ASSERT_OK((*writer)->Publish().status());
  }
  const Status hidden = Search("secret", "anything").status();
  EXPECT_EQ(hidden.code(), StatusCode::kNotFound);
  std::string missing = Search("absent", "anything").status().message();
  missing.replace(missing.find("absent"), 6, "secret");
  EXPECT_EQ(hidden.message(), missing);
  EXPECT_TRUE(api_->ListCorpora({})->corpora().empty());
  v1::AskRequest ask;
  ask.set_corpus("secret");
  ask.set_question("Is it there?");
  EXPECT_EQ(api_->Ask(ask, CallContext(), [](const auto&) {}).code(), StatusCode::kNotFound);
  EXPECT_EQ(Import("secret", "a.txt", "text").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Delete("secret", "a.txt").code(), StatusCode::kNotFound);

  Restart(/*trust_principals=*/true);
  v1::ListCorporaRequest list;
  list.add_principals("user:ann");
  EXPECT_EQ(api_->ListCorpora(list)->corpora_size(), 1);
}

TEST_F(LocalApiTest, ASummaryCitesTheDocumentsThatItIsOf) {
  Create("homes");
  ASSERT_OK(Import("homes", "lease.md", kLease).status());
  ASSERT_OK(Import("homes", "rules.md",
                   "# House rules\n\nThe garden behind the house is shared by "
                   "all tenants.\n")
                .status());
  v1::SummarizeRequest request;
  request.set_corpus("homes");
  request.add_document_ids("rules.md");
  request.add_document_ids("rules.md");
  auto answer = Summarize(request);
  ASSERT_OK(answer.status());
  ASSERT_FALSE(answer->abstained());
  EXPECT_GT(answer->record().generation(), 0U);
  for (const v1::Citation& citation : answer->citations()) {
    EXPECT_EQ(citation.document_id(), "rules.md");
    v1::GetDocumentRequest get;
    get.set_corpus("homes");
    get.set_document_id("rules.md");
    get.set_start_byte(citation.start_byte());
    get.set_end_byte(citation.end_byte());
    EXPECT_EQ(api_->GetDocument(get)->text(), citation.quote());
  }
  EXPECT_EQ(answer->passages_size(), 1);

  request.clear_document_ids();
  request.set_filter("prefix(document_id, \"le\")");
  answer = Summarize(request);
  ASSERT_OK(answer.status());
  ASSERT_FALSE(answer->citations().empty());
  for (const v1::Citation& citation : answer->citations()) {
    EXPECT_EQ(citation.document_id(), "lease.md");
  }
}

TEST_F(LocalApiTest, ADocumentThatTheAskerMayNotSeeIsNotSummedUp) {
  Create("homes");
  ASSERT_OK(Import("homes", "lease.md", kLease).status());
  ASSERT_OK(Import("homes", "salary.md", "# Salaries\n\nThe caretaker earns 3000 EUR.\n").status());
  Restrict("homes", "salary.md", "user:ann");
  Restart(/*trust_principals=*/true);
  v1::SummarizeRequest request;
  request.set_corpus("homes");
  request.add_document_ids("salary.md");
  const Status hidden = Summarize(request).status();
  EXPECT_EQ(hidden.code(), StatusCode::kNotFound);
  request.set_document_ids(0, "absent.md");
  std::string missing = Summarize(request).status().message();
  ASSERT_NE(missing.find("absent.md"), std::string::npos) << missing;
  missing.replace(missing.find("absent.md"), 9, "salary.md");
  EXPECT_EQ(hidden.message(), missing) << "hidden and missing look the same";
  request.clear_document_ids();
  request.set_filter("prefix(document_id, \"salary\")");
  EXPECT_EQ(Summarize(request).status().code(), StatusCode::kNotFound);
  request.set_filter("exists(document_id)");
  auto answer = Summarize(request);
  ASSERT_OK(answer.status());
  EXPECT_EQ(answer->DebugString().find("3000"), std::string::npos);
  EXPECT_EQ(answer->DebugString().find("salary"), std::string::npos);
  request.add_principals("user:ann");
  answer = Summarize(request);
  ASSERT_OK(answer.status());
  EXPECT_NE(answer->answer().find("3000"), std::string::npos) << answer->answer();
}

TEST_F(LocalApiTest, ASummaryNeedsToKnowOfWhat) {
  Create("homes");
  ASSERT_OK(Import("homes", "lease.md", kLease).status());
  v1::SummarizeRequest request;
  request.set_corpus("homes");
  EXPECT_STATUS(Summarize(request), kInvalidArgument, "one of the two");
  request.add_document_ids("lease.md");
  request.set_filter("exists(document_id)");
  EXPECT_STATUS(Summarize(request), kInvalidArgument, "one of the two");
  request.clear_document_ids();
  request.set_filter("colour = \"red\"");
  EXPECT_STATUS(Summarize(request), kInvalidArgument, "colour");
  request.clear_filter();
  for (int i = 0; i < 21; ++i) request.add_document_ids(std::to_string(i));
  EXPECT_STATUS(Summarize(request), kInvalidArgument, "at most 20");
}

TEST_F(LocalApiTest, PrincipalsAreRefusedWhereTheyAreNotTrusted) {
  Create("homes");
  v1::SearchRequest request;
  request.set_corpus("homes");
  request.set_query("rent");
  request.add_principals("user:ann");
  const Status refused = api_->Search(request, CallContext()).status();
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(refused.message().find("--trust-principals"), std::string::npos);
  Restart(/*trust_principals=*/true);
  EXPECT_OK(api_->Search(request, CallContext()).status());
}

TEST_F(LocalApiTest, BadRequestsAreNamed) {
  Create("homes");
  EXPECT_EQ(Search("", "rent").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Search("homes", " ").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Search("../homes", "rent").status().code(), StatusCode::kNotFound);
  v1::SearchRequest request;
  request.set_corpus("homes");
  request.set_query("rent");
  request.set_top_k(4000000000U);
  EXPECT_EQ(api_->Search(request, CallContext()).status().code(), StatusCode::kInvalidArgument);
  request.set_top_k(1);
  request.set_filter("year >=");
  EXPECT_EQ(api_->Search(request, CallContext()).status().code(), StatusCode::kInvalidArgument);
  v1::CreateCorpusRequest create;
  create.set_name("homes");
  EXPECT_EQ(api_->CreateCorpus(create).status().code(), StatusCode::kAlreadyExists);
  for (const char* name : {"Homes", "", "../x", "a b"}) {
    create.set_name(name);
    EXPECT_EQ(api_->CreateCorpus(create).status().code(), StatusCode::kInvalidArgument) << name;
  }
  const auto session = api_->StartImport();
  v1::ImportDocumentsRequest piece;
  piece.set_content("text");
  EXPECT_EQ(session->Accept(piece).code(), StatusCode::kInvalidArgument);
}

TEST_F(LocalApiTest, DocumentsAreListedPageByPage) {
  Create("homes");
  for (const char* name : {"c.txt", "a.txt", "b.txt"}) {
    ASSERT_OK(Import("homes", name, std::string("Words of the file ") + name).status());
  }
  v1::ListDocumentsRequest request;
  request.set_corpus("homes");
  request.set_page_size(2);
  auto page = api_->ListDocuments(request);
  ASSERT_OK(page.status());
  ASSERT_EQ(page->documents_size(), 2);
  EXPECT_EQ(page->documents(0).document_id(), "a.txt");
  EXPECT_EQ(page->documents(1).document_id(), "b.txt");
  request.set_page_token(page->next_page_token());
  page = api_->ListDocuments(request);
  ASSERT_OK(page.status());
  ASSERT_EQ(page->documents_size(), 1);
  EXPECT_EQ(page->documents(0).document_id(), "c.txt");
  EXPECT_EQ(page->documents(0).source(), "upload:c.txt");
  EXPECT_TRUE(page->next_page_token().empty());
}

TEST_F(LocalApiTest, ImportsAndDeletionsOfOneCorpusGoOnTogether) {
  Create("homes");
  constexpr int kThreads = 4;
  constexpr int kRounds = 5;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int round = 0; round < kRounds; ++round) {
        const std::string id = std::to_string(t) + "-" + std::to_string(round) + ".txt";
        ASSERT_OK(Import("homes", id, "Something about " + id).status());
        if (round % 2 == 0) {
          ASSERT_OK(Delete("homes", id));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  v1::GetCorpusRequest request;
  request.set_corpus("homes");
  EXPECT_EQ(api_->GetCorpus(request)->documents(), kThreads * 2U);
}

TEST_F(LocalApiTest, TheWriterIsReleasedAMomentAfterTheLastChange) {
  Create("homes");
  ASSERT_OK(Import("homes", "a.txt", "Some text").status());
  std::this_thread::sleep_for(CorpusEditor::kLinger * 3);
  retriever::CorpusSettings settings;
  settings.embedder_sha256 = embedder_->embedder->model_sha256();
  settings.embedder_name = embedder_->embedder->name();
  settings.width = embedder_->embedder->width();
  // What another process would do; its lock is RocksDB's own.
  const auto writer = retriever::CorpusWriter::Open(root(), "homes", settings);
  EXPECT_OK(writer.status());
}

TEST_F(LocalApiTest, WritingWaitsForAnotherProcessAndThenSaysWho) {
  Create("homes");
  editor_ = std::make_unique<CorpusEditor>(root(), std::chrono::milliseconds(2000));
  Restart(/*trust_principals=*/false);
  retriever::CorpusSettings settings;
  settings.embedder_sha256 = embedder_->embedder->model_sha256();
  settings.embedder_name = embedder_->embedder->name();
  settings.width = embedder_->embedder->width();
  auto other = retriever::CorpusWriter::Open(root(), "homes", settings);
  ASSERT_OK(other.status());
  std::thread ends([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    *other = nullptr;
  });
  EXPECT_OK(Import("homes", "a.txt", "Some text").status());
  ends.join();

  editor_ = std::make_unique<CorpusEditor>(root(), std::chrono::milliseconds(50));
  Restart(/*trust_principals=*/false);
  auto stays = retriever::CorpusWriter::Open(root(), "homes", settings);
  ASSERT_OK(stays.status());
  const Status refused = Delete("homes", "a.txt");
  EXPECT_EQ(refused.code(), StatusCode::kAborted);
  EXPECT_NE(refused.message().find("another process"), std::string::npos) << refused.message();
}

TEST_F(LocalApiTest, GroundingNamesWhatIsSupportedAndWhatIsNot) {
  v1::CheckGroundingRequest request;
  request.set_text(
      "The tenant shall pay the rent of 950 EUR on the first working day of each month. "
      "The tenant shall pay the rent of 850 EUR on the first working day of each month.");
  auto* fact = request.add_facts();
  fact->set_id("lease");
  fact->set_text(kLease);
  const auto response = api_->CheckGrounding(request, CallContext());
  ASSERT_OK(response.status());
  ASSERT_EQ(response->claims_size(), 2);
  EXPECT_TRUE(response->claims(0).supported());
  ASSERT_FALSE(response->claims(0).sources().empty());
  const auto& source = response->claims(0).sources(0);
  EXPECT_EQ(source.quote(), std::string(kLease).substr(source.start_byte(),
                                                       source.end_byte() - source.start_byte()));
  EXPECT_FALSE(response->claims(1).supported());
  ASSERT_EQ(response->claims(1).problems_size(), 1);
  EXPECT_EQ(response->claims(1).problems(0), "NUMBERS");
  EXPECT_TRUE(response->claims(0).unsupported_spans().empty());
  ASSERT_EQ(response->claims(1).unsupported_spans_size(), 1);
  const auto& span = response->claims(1).unsupported_spans(0);
  EXPECT_EQ(span.kind(), "NUMBER");
  EXPECT_EQ(request.text().substr(span.start_byte(), span.end_byte() - span.start_byte()),
            "850 EUR");
  EXPECT_FALSE(span.reason().empty());
  EXPECT_LT(response->support_score(), 0.6);
  request.set_citation_threshold(2);
  EXPECT_EQ(api_->CheckGrounding(request, CallContext()).status().code(),
            StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace footnote::server
