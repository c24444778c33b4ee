#include "claim/test_support.h"

namespace assay::claim {
namespace {

const std::string kOnes(64, '1');
const std::string kTwos(64, '2');

Digest filled(std::uint8_t byte) {
  Digest digest;
  digest.fill(byte);
  return digest;
}

TEST(TrustList, ReadsLinesAndKeepsComments) {
  const std::string text =
      "# mine\n" + kOnes + " ceremony of 2026\n\n" + kTwos + " dev\n" + kTwos + " again\n";
  const TrustList list = TrustList::parse(text, "test").value();
  EXPECT_TRUE(list.contains(filled(0x11)));
  EXPECT_TRUE(list.contains(filled(0x22)));
  EXPECT_FALSE(list.contains(filled(0x33)));
  EXPECT_EQ(list.to_text(), text);
  EXPECT_FALSE(TrustList::parse("", "test").value().contains(Digest{}));
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
  EXPECT_EQ(TrustList::parse("#\n" + kOnes + "\n", "test").error().place, "test: line 2");
  EXPECT_EQ(TrustList::parse(std::string(TrustList::kMaxBytes + 1, '\n'), "test").error().code,
            ErrorCode::kTooLarge);
}

TEST(TrustList, GrowsAndGoesThroughAFile) {
  const test::TemporaryDirectory directory;
  TrustList list = TrustList::read(directory.file("none")).value();
  EXPECT_EQ(list.to_text(), "");
  list.add(filled(0x11), "dev\nand more");
  list.add(filled(0x11), "another label");
  list.add(filled(0x22));
  list.add(filled(0x33), std::string(100, 'x'));
  list.add(filled(0x44), "\n");
  EXPECT_EQ(list.to_text(), kOnes + " devand more\n" + kTwos + " unlabelled\n" + std::string(64, '3') + " " +
                                std::string(64, 'x') + "\n" + std::string(64, '4') + " unlabelled\n");
  ASSERT_TRUE(list.write(directory.file("t")).ok());
  EXPECT_EQ(TrustList::read(directory.file("t")).value().to_text(), list.to_text());
  EXPECT_EQ(TrustList::read(directory.file("")).error().code,
            ErrorCode::kIo);  // a directory is not an empty list
}

}  // namespace
}  // namespace assay::claim
