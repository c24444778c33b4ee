# assay_room(NAME [ROOMS room...] [LINKS target...])
#
# Makes src/NAME a library assay_NAME (alias assay::NAME), NAME_test from its *_test.cc and NAME_bench from its
# *_bench.cc. ROOMS are the rooms that it may include, LINKS are libraries from outside.
function(assay_room name)
  cmake_parse_arguments(ARG "" "" "ROOMS;LINKS" ${ARGN})
  set(dir ${PROJECT_SOURCE_DIR}/src/${name})
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cc)
  set(tests ${sources})
  set(benches ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_(test|bench)\\.cc$")

  # Kernels give the same names to different lanes.
  set(kernels ${sources})
  list(FILTER kernels INCLUDE REGEX "_(portable|adx|ifma|shani|avx2|avx512)\\.cc$")
  set_source_files_properties(${kernels} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)

  # Most of the time under sanitizers goes into arithmetic, which reads nothing from strangers.
  set(plain OFF)
  if(ASSAY_SANITIZE AND NOT ASSAY_SANITIZE_ARITHMETIC AND name MATCHES "^(integers|field|curve)$")
    set(plain ON)
    set_source_files_properties(${sources} PROPERTIES
      COMPILE_OPTIONS "-fno-sanitize=all;-fomit-frame-pointer;-O2" SKIP_PRECOMPILE_HEADERS ON)
  endif()

  set(target assay_${name})
  add_library(${target} STATIC ${sources})
  add_library(assay::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_features(${target} PUBLIC cxx_std_20)
  foreach(room ${ARG_ROOMS})
    target_link_libraries(${target} PUBLIC assay_${room})
  endforeach()
  # fmt is compiled into base and comes to the other rooms' users through it; JSON is headers alone.
  target_link_libraries(${target} PRIVATE ${ARG_LINKS}
    $<BUILD_INTERFACE:assay_flags> $<BUILD_INTERFACE:nlohmann_json::nlohmann_json> $<BUILD_INTERFACE:fmt::fmt>)
  assay_precompile(${target} rooms)
  set_property(GLOBAL APPEND PROPERTY ASSAY_ROOM_TARGETS ${target})

  if(ASSAY_TESTS AND tests AND NOT plain)
    assay_test(${name}_test SOURCES ${tests} ROOMS ${name})
  endif()
  if(ASSAY_BENCH AND benches)
    add_executable(${name}_bench ${benches})
    target_include_directories(${name}_bench PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${name}_bench
      PRIVATE ${target} assay_flags fmt::fmt benchmark::benchmark benchmark::benchmark_main)
    set_property(GLOBAL APPEND PROPERTY ASSAY_BENCH_TARGETS ${name}_bench)
  endif()
endfunction()

# assay_test(NAME SOURCES file... ROOMS room... [LINKS target...] [LABELS label...]): one GoogleTest program, one ctest
# entry.
function(assay_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;ROOMS;LINKS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE ASSAY_VECTORS="${PROJECT_SOURCE_DIR}/vectors")
  foreach(room ${ARG_ROOMS})
    target_link_libraries(${name} PRIVATE assay_${room})
  endforeach()
  target_link_libraries(${name} PRIVATE ${ARG_LINKS} assay_flags fmt::fmt nlohmann_json::nlohmann_json
    sodium::sodium GTest::gtest GTest::gmock GTest::gtest_main)
  assay_precompile(${name} tests <gmock/gmock.h> <gtest/gtest.h>)
  # Optimising what GoogleTest's macros unfold into takes longer than running it.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}")
endfunction()

# assay_must_not_compile(NAME SOURCE EXPECT): a test that the file SOURCE compiles, but no longer does with -DMUST_FAIL,
# and that the compiler then says something that matches the regular expression EXPECT. In the file, the misuse stands
# under #ifdef MUST_FAIL.
function(assay_must_not_compile name source expect)
  get_filename_component(source ${source} ABSOLUTE)
  add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -DSOURCE=${source} -DEXPECT=${expect}
    "-DCOMMAND=${CMAKE_CXX_COMPILER}|-std=c++20|-fsyntax-only|-I${PROJECT_SOURCE_DIR}/include|-I${PROJECT_SOURCE_DIR}/src"
    -P ${PROJECT_SOURCE_DIR}/cmake/must_not_compile.cmake)
endfunction()
