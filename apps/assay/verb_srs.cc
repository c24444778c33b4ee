// `assay srs dev` and `assay srs verify`: public parameters.
#include <fmt/format.h>

#include "arguments.h"
#include "base/file.h"
#include "base/try.h"
#include "parameters.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;

struct DevOptions {
  std::string axes;
  std::uint64_t seed = 0;
  std::string out;
};

struct VerifyOptions {
  std::string srs;
  std::string vk;
};

constexpr std::string_view kDevWarning =
    "a dev SRS binds nobody who knows its seed: such a person can open a commitment to anything";

Result<std::uint64_t> size_of_file(const fs::path& path) {
  std::error_code failure;
  const std::uint64_t size = fs::file_size(path, failure);
  if (failure) return Error{ErrorCode::kIo, path.string(), failure.message()};
  return size;
}

Result<int> run_dev(const DevOptions& options, const Console& console) {
  const Axes axes = ASSAY_TRY(Axes::parse(options.axes, "--axes"));
  const pst::Srs srs = ASSAY_TRY(make_dev_srs(axes, options.seed, options.out));
  const fs::path key_path = verifier_key_beside(options.out);
  const std::uint64_t srs_bytes = ASSAY_TRY(size_of_file(options.out));
  const std::uint64_t key_bytes = ASSAY_TRY(size_of_file(key_path));
  const std::string digest = to_hex(srs.verifier_key().digest());
  Json json;
  json["srs"] = options.out;
  json["srs_bytes"] = srs_bytes;
  json["vk"] = key_path.string();
  json["vk_bytes"] = key_bytes;
  json["axes"] = axes.sizes();
  json["num_values"] = axes.volume();
  json["srs_digest"] = digest;
  json["trust"] = pst::to_string(srs.verifier_key().trust);
  json["warnings"] = {kDevWarning};
  return console.report(
      json, {fmt::format("{}: {} bytes, for tensors of axes {} ({} values)", options.out, grouped(srs_bytes),
                         axes.to_string(), grouped(axes.volume())),
             fmt::format("{}: {} bytes, all that a verifier needs", key_path.string(), grouped(key_bytes)),
             "SRS digest " + digest, fmt::format("trust = dev: {}", kDevWarning)});
}

Result<int> run_verify(const VerifyOptions& options, const Console& console) {
  const pst::Srs srs = ASSAY_TRY(pst::Srs::open(options.srs));
  const pst::VerifierKey& key = srs.verifier_key();
  const Verdict verdict = pst::verify_srs(srs);
  Json json = json_of(verdict);
  json["axes"] = key.axes.sizes();
  json["trust"] = pst::to_string(key.trust);
  json["srs_digest"] = to_hex(key.digest());
  Lines lines(verdict);
  lines.texts.push_back("SRS digest " + to_hex(key.digest()));

  if (verdict.ok()) {
    const std::string shown =
        "shown: every level is the Lagrange basis of one set of secrets, those of the "
        "verifier's part";
    const std::string not_shown = fmt::format(
        "cannot be shown: that nobody knows the secrets (the file's own word: {}); to trust them "
        "is for you to say: assay trust add",
        pst::to_string(key.trust));
    json["shown"] = shown;
    json["not_shown"] = not_shown;
    lines.texts.insert(lines.texts.end(), {shown, not_shown});
    if (!options.vk.empty()) ASSAY_TRY(write_file(options.vk, key.encode()));
  }
  return console.report(json, lines, exit_code(verdict.outcome()));
}

}  // namespace

void add_srs(Program& program) {
  program.add_group("srs", "Make or check public parameters (an SRS)");

  const auto [dev_verb, dev] = program.add("srs dev", "Make development parameters from a seed",
                                           "assay srs dev --axes 6,6,6 --seed 7 --out six.srs", run_dev);
  add_option(dev_verb, "--axes A,B,..", dev.axes, "shape of the tensors to commit to")->required();
  add_option(dev_verb, "--seed N", dev.seed, "what the secrets come from: who knows it can cheat")
      ->required();
  add_option(dev_verb, "--out FILE", dev.out, "the SRS; the verifier's part goes beside it, ending in .vk")
      ->required();

  const auto [verify_verb, verify] =
      program.add("srs verify", "Check that an SRS is well formed; whether to trust it is another question",
                  "assay srs verify --srs six.srs --vk six.vk", run_verify);
  add_option(verify_verb, "--srs FILE", verify.srs, "the SRS file")->required();
  add_option(verify_verb, "--vk FILE", verify.vk, "write the verifier's part here");
}

}  // namespace assay::cli
