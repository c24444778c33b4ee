#include "setup/kinds.h"
#include "setup/test_support.h"

namespace assay::setup {
namespace {

const std::string kOnes(64, '1');
const std::string kTwos(64, '2');

Digest filled(std::uint8_t byte) {
  Digest digest;
  digest.fill(byte);
  return digest;
}

TEST(TrustList, ReadsLinesAndKeepsComments) {
  const std::string text = "# mine\n" + kOnes + " ceremony of 2026\n\n" + kTwos + " dev\n";
  const TrustList list = TrustList::parse(text, "test").value();
  ASSERT_NE(list.find(filled(0x11)), nullptr);
  EXPECT_EQ(list.find(filled(0x11))->label, "ceremony of 2026");
  EXPECT_EQ(list.find(filled(0x22))->label, "dev");
  EXPECT_EQ(list.find(filled(0x33)), nullptr);
  EXPECT_EQ(list.entries().size(), 2U);
  EXPECT_EQ(list.to_text(), text);
  EXPECT_EQ(TrustList::parse("", "test").value().find(Digest{}), nullptr);
}

TEST(TrustList, RefusesOtherLines) {
  for (const std::string& text :
       {kOnes + "\n", kOnes + " \n", kOnes + " dev", kOnes.substr(1) + " dev\n", kOnes + "1 dev\n",
        " " + kOnes + " dev\n", kOnes + "\tdev\n", std::string(64, 'g') + " dev\n", kOnes + " dev\r\n",
        kOnes + " d\xc3\xa9v\n", kOnes + " " + std::string(65, 'x') + "\n", std::string("nonsense\n")}) {
    const Result<TrustList> list = TrustList::parse(text, "test");
    ASSERT_FALSE(list.ok()) << text;
    EXPECT_EQ(list.error().code, ErrorCode::kMalformed);
  }
  EXPECT_EQ(TrustList::parse(kOnes + " \x7f\n", "test").error().code, ErrorCode::kMalformed);
  EXPECT_TRUE(TrustList::parse(kOnes + " ~\n", "test").ok());
  EXPECT_EQ(TrustList::parse(kOnes + " dev", "test").error().reason,
            "no line break at the end: was it cut off?");
  EXPECT_TRUE(TrustList::parse(std::string(TrustList::kMaxBytes, '\n'), "test").ok());
  EXPECT_EQ(TrustList::parse("#\n" + kOnes + "\n", "test").error().place, "test: line 2");
  const Result<TrustList> twice =
      TrustList::parse(kOnes + " dev\n" + kTwos + " dev\n" + kOnes + " ceremony\n", "test");
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().place, "test: line 3");
  EXPECT_EQ(twice.error().reason, "an earlier line has this digest: remove one of them");
  EXPECT_EQ(TrustList::parse(std::string(TrustList::kMaxBytes + 1, '\n'), "test").error().code,
            ErrorCode::kTooLarge);
}

TEST(TrustList, GrowsAndGoesThroughAFile) {
  const test::TemporaryDirectory directory;
  TrustList list = TrustList::read(directory.file("none")).value();
  EXPECT_EQ(list.to_text(), "");
  ASSERT_TRUE(list.add(filled(0x11), "first").ok());
  EXPECT_EQ(list.add(Digest{}, "nothing").error().code, ErrorCode::kOutOfRange);
  ASSERT_TRUE(list.add(filled(0x22), std::string(64, 'x')).ok());
  ASSERT_TRUE(list.add(filled(0x11), "another label").ok());
  for (const std::string& label :
       {std::string(), std::string(65, 'x'), std::string("a\nb"), std::string("é"), std::string("  ")})
    EXPECT_EQ(list.add(filled(0x33), label).error().code, ErrorCode::kMalformed) << label;
  EXPECT_EQ(list.to_text(), kTwos + " " + std::string(64, 'x') + "\n" + kOnes + " another label\n");
  ASSERT_TRUE(list.write(directory.file("t")).ok());
  EXPECT_EQ(TrustList::read(directory.file("t")).value().to_text(), list.to_text());
  EXPECT_EQ(TrustList::read(directory.file("")).error().code,
            ErrorCode::kIo);  // a directory is not an empty list
}

TEST(TrustList, ForgetsADigestAndKeepsTheRest) {
  TrustList list = TrustList::parse("# " + kOnes + " x\n" + kOnes + " a\n" + kTwos + " b\n", "test").value();
  EXPECT_TRUE(list.remove(filled(0x11)));
  EXPECT_FALSE(list.remove(filled(0x11)));
  EXPECT_EQ(list.find(filled(0x11)), nullptr);
  EXPECT_EQ(list.to_text(), "# " + kOnes + " x\n" + kTwos + " b\n");
}

TEST(TrustList, IsKnownByTheDigestOfItsFirstEntry) {
  const test::TemporaryDirectory directory;
  const auto kind_of_text = [&](const std::string& text) {
    EXPECT_TRUE(write_file(directory.file("list"), text).ok());
    const Result<const FileKind*> kind = find_kind(directory.file("list"), file_kinds());
    return kind.ok() ? std::string((*kind)->name) : std::string("none");
  };
  EXPECT_EQ(kind_of_text(kOnes + " dev\n"), "trust list");
  EXPECT_EQ(kind_of_text("# mine\n\n" + kOnes + " dev\n"), "trust list");
  for (const std::string& other :
       {kOnes, kOnes + "\tdev\n", kOnes.substr(1) + " dev\n", std::string(64, 'g') + " dev\n"})
    EXPECT_EQ(kind_of_text(other), "none") << other;
}

}  // namespace
}  // namespace assay::setup
