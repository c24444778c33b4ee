// Files of the room as `show` has them, and those that a trainer reads beside the activations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "assay/tensor.h"
#include "probe/kinds.h"
#include "probe/sources.h"
#include "probe/test_support.h"

namespace assay::probe {
namespace {

using test::folder;
using test::vectors;

/// The name of its kind, and what is shown of it.
std::pair<std::string, Json> shown(const std::filesystem::path& path) {
  const FileKind* const kind = find_kind(path, file_kinds()).value();
  return {std::string(kind->name), kind->read(path).value()};
}

TEST(Kinds, FilesAreKnownByTheirMarksAndShown) {
  const auto expect = [](const char* file, const char* kind, const char* field, const Json& value) {
    const auto [name, fields] = shown(vectors() / file);
    EXPECT_EQ(name, kind) << file;
    EXPECT_EQ(fields.at(field), value) << file;
  };
  expect("rows.gotact", "activations", "layers", {1, 3});
  expect("rows.gotact", "activations", "last_position", 5);
  expect("u.gotue", "unembedding", "vocab_size", 6);
  expect("phi.gotgeo", "checkpoint", "hidden_dim", 2);
  expect("set.json", "set of probes", "made_by", "the original");
  expect("a.rows", "file of rows", "groups", 2);
  expect("a.tokens", "token ids", "texts", 2);
  expect("a.statement", "statement", "rows", 2);
  expect("plain.json", "attestation of the original", "sequence_number", 0);
  const std::filesystem::path labels = folder() / "labels";
  write_file(labels, "1\n0\n1\n").value();
  const auto [name, fields] = shown(labels);
  EXPECT_EQ(name, "labels");
  EXPECT_EQ(fields, (Json{{"rows", 3}, {"ones", 2}}));
}

TEST(Kinds, LabelsMayBeWords) {
  const std::filesystem::path labels = folder() / "labels";
  for (const char* text : {"false\ntrue\n", "true\nfalse\n", "0\n1\n", " 1\n0\n"}) {
    write_file(labels, std::string_view(text)).value();
    const auto [name, fields] = shown(labels);
    EXPECT_EQ(name, "labels") << text;
    EXPECT_EQ(fields, (Json{{"rows", 2}, {"ones", 1}})) << text;
  }
  for (const char* text : {"", " \n\n", "10\n", "True\n"}) {
    write_file(labels, std::string_view(text)).value();
    EXPECT_EQ(find_kind(labels, file_kinds()).error().code, ErrorCode::kUnsupported) << text;
  }
}

TEST(Kinds, AListOfRowsIsActivations) {
  const std::filesystem::path path = folder() / "rows.json";
  write_file(path, R"([{"layer":1,"token_position":4,"values":[1,2]}])").value();
  const auto [name, fields] = shown(path);
  EXPECT_EQ(name, "activations");
  EXPECT_EQ(fields.at("last_position"), 4);
  write_file(path, R"([{"layer":1}])").value();
  EXPECT_EQ(find_kind(path, file_kinds()).error().code, ErrorCode::kUnsupported) << "any other list is none";
}

TEST(Kinds, ASetOfOursIsShownWithItsFigures) {
  const test::World world = test::world();
  const ProbeSet set = test::set_of(world, test::trained(world));
  const std::filesystem::path path = folder() / "set.json";
  write_file(path, set.encode()).value();
  const auto [name, fields] = shown(path);
  EXPECT_EQ(fields.at("made_by"), "assay");
  EXPECT_EQ(fields.at("model_id"), "test/model");
  EXPECT_EQ(fields.at("auroc"), Json{set.details->probes.at(0).quality.auroc});
}

void write_gain(const std::filesystem::path& path, std::vector<std::vector<float>> tensors,
                tensor::Dtype dtype = tensor::Dtype::kF32) {
  std::vector<tensor::TensorView> views;
  for (const std::vector<float>& values : tensors)
    views.push_back({"gain" + std::to_string(views.size()),
                     dtype,
                     {values.size() * sizeof(float) / tensor::size_of(dtype)},
                     {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(float)},
                     {}});
  write_safetensors(path, views, {}).value();
}

TEST(Gain, IsOneTensorOfFiniteFloats) {
  const std::filesystem::path path = folder() / "gain.safetensors";
  write_gain(path, {{1.5F, -2, 0}});
  EXPECT_THAT(read_gain(path).value(), testing::ElementsAre(1.5F, -2, 0));
  write_gain(path, {{1}, {2}});
  EXPECT_EQ(read_gain(path).error().reason, "holds 2 tensors, a gain is one");
  write_gain(path, {{1, 2}}, tensor::Dtype::kBF16);
  EXPECT_EQ(read_gain(path).error().code, ErrorCode::kUnsupported);
  for (const float value :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    write_gain(path, {{1, value}});
    EXPECT_EQ(read_gain(path).error().reason, "holds an infinity or NaN");
  }
}

TEST(Corpus, LabelsAndRowsAreReadWithTheirDigests) {
  const std::filesystem::path made = folder();
  const std::filesystem::path activations = made / "x.gotact";
  std::filesystem::copy_file(vectors() / "rows.gotact", activations);
  EXPECT_EQ(rows_beside(activations), "");
  write_file(made / "x.labels", "0\n1\n1\n").value();
  const Corpus bare = read_corpus(activations, made / "x.labels", {}).value();
  EXPECT_EQ(bare.labels, (std::vector<bool>{false, true, true}));
  EXPECT_EQ(bare.labels_digest, test::digest_of_text("0\n1\n1\n"));
  EXPECT_FALSE(bare.rows);
  std::filesystem::copy_file(vectors() / "a.rows", made / "x.rows");
  EXPECT_EQ(rows_beside(activations), made / "x.rows");
  const Corpus whole = read_corpus(activations, made / "x.labels", rows_beside(activations)).value();
  EXPECT_EQ(whole.rows->texts.size(), 2);
  EXPECT_EQ(whole.rows_digest, test::digest_of_text(test::text_of(vectors() / "a.rows")));
  write_file(made / "x.labels", "0\n2\n").value();
  EXPECT_EQ(read_corpus(activations, made / "x.labels", {}).error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace assay::probe
