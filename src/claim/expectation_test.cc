#include "base/file.h"
#include "claim/test_support.h"

namespace assay::claim {
namespace {

using test::Sample;

Expectation expecting(const std::vector<std::string>& texts) {
  Expectation expected;
  for (const std::string& text : texts) {
    const Status status = expected.add_text(text, "--expect");
    EXPECT_TRUE(status.ok()) << text << ": " << status.error().to_string();
  }
  return expected;
}

/// The verdict on honest proofs of the sample under an expectation.
Verdict verdict_under(const Sample& sample, Expectation expected) {
  VerifyOptions options;
  options.expected = std::move(expected);
  return test::verdict_of(sample.commitment, sample.proofs, sample.checker, options);
}

TEST(Expectation, ReadsItsWords) {
  const Expectation expected =
      expecting({"encoding=decimal:8,dtype=bfloat16", "mode=decode", "layer=a,b=c", "layer=layers=@x"});
  EXPECT_EQ(expected.encoding, (encode::Encoding{encode::Encoding::Kind::kDecimal, 8}));
  EXPECT_EQ(expected.dtype, tensor::Dtype::kBF16);
  EXPECT_EQ(expected.capture_mode, CaptureMode::kDecode);
  EXPECT_EQ(expected.layers, (std::vector<std::string>{"a,b=c", "layers=@x"}));
}

TEST(Expectation, ReadsAListOfLayers) {
  const test::TemporaryDirectory dir;
  const std::filesystem::path path = dir.file("layers");
  const std::string text = "layers=@" + path.string();
  ASSERT_TRUE(write_file(path, std::string_view("embedding\nlayer_0,x\n")).ok());
  EXPECT_EQ(expecting({text}).layers, (std::vector<std::string>{"embedding", "layer_0,x"}));
  for (const std::string_view bad : {"", "\n", "a\n\nb\n", "a\nb"}) {
    ASSERT_TRUE(write_file(path, bad).ok());
    Expectation none;
    EXPECT_EQ(none.add_text(text, "--expect").error().code, ErrorCode::kMalformed) << bad;
  }
}

TEST(Expectation, AListOfLayersHasAFile) {
  Expectation none;
  const Status status = none.add_text("layers=@", "--expect");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kMalformed);
  EXPECT_EQ(status.error().to_string(), "--expect: no file behind layers=@: name one");
}

TEST(Expectation, HoldsAsManyLayersAsAHeader) {
  Expectation expected;
  for (std::size_t i = 0; i < encode::Layout::kMaxLayers; ++i)
    ASSERT_TRUE(expected.add("layer", "x", "place").ok());
  EXPECT_EQ(expected.add("layer", "x", "place").error().code, ErrorCode::kTooLarge);
}

// A word that is not understood must never read as one that asks for nothing.
TEST(Expectation, RefusesWhatItDoesNotUnderstand) {
  for (const char* text : {"",
                           ",",
                           "bits",
                           "encoding",
                           "encoding=",
                           "=bits",
                           "encoding=bit",
                           "encoding=bits,",
                           ",encoding=bits",
                           "dtype=torch.bfloat16",
                           "dtype=unknown",
                           "mode=",
                           "mode=decoded",
                           "Encoding=bits",
                           "layer=",
                           "layers=a+b",
                           "layers=",
                           "layers=@",
                           "encoding=bits,encoding=bits",
                           "encoding=bits,layer=a",
                           "encoding=bits,layers=@a",
                           " encoding=bits",
                           "encoding=decimal:1,encoding=decimal:2"}) {
    Expectation expected;
    const Status status = expected.add_text(text, "--expect");
    EXPECT_FALSE(status.ok()) << text;
  }
  Expectation formless;
  EXPECT_EQ(formless.add_text("bits", "--expect").error().to_string(),
            "--expect: 'bits' is not of the form KEY=VALUE");
  for (const char* text : {"encoding=bits,layer=a", "encoding=bits,layers=@a"}) {
    Expectation one;
    EXPECT_EQ(one.add_text(text, "--expect").error().to_string(),
              "--expect: a layer goes into a flag of its own: its name may hold a comma");
  }
  Expectation twice = expecting({"mode=decode"});
  EXPECT_FALSE(twice.add_text("mode=prefill", "--expect").ok());
}

TEST(Expectation, HoldsTheHeaderToIt) {
  const Sample sample = test::model_sample();
  const Verdict met = verdict_under(
      sample, expecting({"encoding=bits,dtype=bfloat16,mode=decode", "layer=layer_0", "layer=layer_1"}));
  EXPECT_TRUE(met.ok()) << met.reason();
  EXPECT_EQ(test::figure(met, "encoding"), "bits, as expected");
  EXPECT_EQ(test::figure(met, "dtype"), "bfloat16, as expected");
  EXPECT_EQ(test::figure(met, "mode"), "decode, as expected");
  const Verdict part = verdict_under(sample, expecting({"dtype=bfloat16"}));
  EXPECT_EQ(test::figure(part, "encoding"), "bits, self-reported");
  EXPECT_EQ(test::figure(part, "dtype"), "bfloat16, as expected");
  EXPECT_EQ(test::figure(part, "mode"), "decode, self-reported");
  const Verdict other_part = verdict_under(sample, expecting({"mode=decode"}));
  EXPECT_EQ(test::figure(other_part, "dtype"), "bfloat16, self-reported");
  EXPECT_EQ(test::figure(other_part, "mode"), "decode, as expected");

  const std::vector<std::vector<std::string>> others = {{"encoding=int"},
                                                        {"encoding=decimal:0"},
                                                        {"dtype=float16"},
                                                        {"mode=prefill"},
                                                        {"layer=layer_0"},
                                                        {"layer=layer_1", "layer=layer_0"},
                                                        {"layer=layer_0", "layer=layer_1", "layer=layer_2"}};
  for (const std::vector<std::string>& texts : others) {
    const Verdict verdict = verdict_under(sample, expecting(texts));
    EXPECT_EQ(verdict.outcome(), Outcome::kRejected) << texts[0];
    EXPECT_EQ(verdict.step(), "expectation") << texts[0];
    EXPECT_EQ(test::figure(verdict, "encoding"), "bits, self-reported");
  }
  const Verdict unknown = verdict_under(test::flat_sample(), expecting({"dtype=int64"}));
  EXPECT_EQ(unknown.step(), "expectation");
  EXPECT_EQ(unknown.reason(), "expected was the dtype int64, the header says unknown");
}

// The question is asked before the numbers of the header are worked with.
TEST(Expectation, IsAskedBeforeTheSetup) {
  Sample sample = test::model_sample();
  sample.commitment.header.setup_digest = Digest{};
  EXPECT_EQ(verdict_under(sample, {}).step(), "SRS digest");
  EXPECT_EQ(verdict_under(sample, expecting({"mode=prefill"})).step(), "expectation");
}

}  // namespace
}  // namespace assay::claim
