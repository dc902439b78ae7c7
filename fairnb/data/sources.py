"""The table of real data sets: where they come from, under which terms, which files they have, how to get them.

Hashes are SHA-256. Those of the label files were computed from the owners' files in 2026 (CelebA's and CIFAR-10's
agree with the MD5 sums in torchvision); those of the CIFAR-10 and LFW archives are the ones that Keras and
scikit-learn check. An empty hash means that nobody publishes one and we have not seen the file.
"""

from __future__ import annotations

from fairnb.data.entries import PICTURE, DataSet, Download, File, Images

NON_COMMERCIAL = "non-commercial research only"
# fmt: off
UCI = "https://archive.ics.uci.edu"

ADULT = DataSet(
    "adult", "Adult", "UCI Adult (Census Income)", f"{UCI}/dataset/2/adult", "CC BY 4.0",
    "Becker, Kohavi: Adult. UCI Machine Learning Repository, 1996. doi:10.24432/C5XW20",
    "32,561 + 16,281 rows", 45_222,
    (
        File("adult/adult.data", "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d", 3974305),
        File("adult/adult.test", "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05", 2003153),
    ),
    downloads=(
        Download(
            (f"{UCI}/static/public/2/adult.zip",), "zip",
            members=(("adult.data", "adult/adult.data"), ("adult.test", "adult/adult.test")),
        ),
    ),
    copies=52,
)

COMPAS = DataSet(
    "compas", "COMPAS", "ProPublica COMPAS two-year scores", "https://github.com/propublica/compas-analysis",
    "no licence stated; public court records that name people: print no names",
    "Angwin, Larson, Mattu, Kirchner: Machine Bias. ProPublica, 2016",
    "7,214 rows", 6_167,
    (
        File(
            "compas/compas-scores-two-years.csv",
            "c451db85908b2f7fef1d83203bedf6b71ecda0d5af468d82ae62178f91d0cc7d", 2546489,
        ),
    ),
    downloads=(
        Download(
            ("https://raw.githubusercontent.com/propublica/compas-analysis/master/compas-scores-two-years.csv",),
            "text", "compas/compas-scores-two-years.csv",
            sha256="c451db85908b2f7fef1d83203bedf6b71ecda0d5af468d82ae62178f91d0cc7d", size=2546489,
        ),
    ),
)

BANK = DataSet(
    "bank", "Bank", "UCI Bank Marketing (bank-additional)", f"{UCI}/dataset/222/bank+marketing", "CC BY 4.0",
    "Moro, Cortez, Rita: A data-driven approach to predict the success of bank telemarketing. DSS 62, 2014",
    "41,188 rows", 30_488,
    (
        File(
            "bank/bank-additional-full.csv",
            "74adfc578bf77a7ff4bb1ba4a9f8709d9e3c6907342959c2c8416847e0afb4d8", 5834924,
        ),
    ),
    downloads=(
        Download(
            (
                f"{UCI}/static/public/222/bank+marketing.zip",
                f"{UCI}/ml/machine-learning-databases/00222/bank-additional.zip",
            ),
            "zip", members=(("bank-additional-full.csv", "bank/bank-additional-full.csv"),),
        ),
    ),
    copies=12,
)

CIFAR_HASHES = {
    "batches.meta": ("f962466ef690d46b226450fb9aadc74ba4bc64a76aa526b5827fe4bc5c7125cb", 158),
    "data_batch_1": ("54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd", 31035704),
    "data_batch_2": ("766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8", 31035320),
    "data_batch_3": ("0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9", 31035999),
    "data_batch_4": ("3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b", 31035696),
    "data_batch_5": ("d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154", 31035623),
    "test_batch": ("f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831", 31035526),
}

CIFAR10 = DataSet(
    "cifar10", "CIFAR-10", "CIFAR-10", "https://www.cs.toronto.edu/~kriz/cifar.html", "no licence stated",
    "Krizhevsky: Learning Multiple Layers of Features from Tiny Images. Technical report, Toronto, 2009",
    "50,000 + 10,000 images in 6 batches", 60_000,
    tuple(File(f"cifar-10-batches-py/{name}", *known) for name, known in CIFAR_HASHES.items()),
    downloads=(
        Download(
            ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",), "gzip", folder="cifar-10-batches-py",
            sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce", size=170498071,
        ),
    ),
)

UTKFACE_NAME = (  # the oldest people in it are 116
    r"(?P<age>[0-9]{1,2}|10[0-9]|11[0-6])_(?P<gender>[01])_(?P<race>[0-4])_[0-9]+"
    rf"{PICTURE}((?i:\.chip){PICTURE})?"
)
UTKFACE = DataSet(
    "utkface", "UTKFace", "UTKFace, aligned and cropped", "https://susanqq.github.io/UTKFace/", NON_COMMERCIAL,
    "Zhang, Song, Qi: Age Progression/Regression by Conditional Adversarial Autoencoder. CVPR 2017",
    "23,708 images (23,703 with a well-formed name)", 23_703,
    (),
    Images("UTKFace", 23708, UTKFACE_NAME),
    steps=(
        'open the page, section "Datasets", "Aligned&Cropped Faces" (Google Drive), and take UTKFace.tar.gz (107 MB)',
        "unpack it so that the images lie straight in {root}/UTKFace/",
    ),
)

CELEBA_IMAGES = Images("celeba/img_align_celeba", 202599, rf"[0-9]+{PICTURE}", nested="img_align_celeba")
CELEBA = DataSet(
    "celeba", "CelebA", "CelebA, aligned and cropped", "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    NON_COMMERCIAL,
    "Liu, Luo, Wang, Tang: Deep Learning Face Attributes in the Wild. ICCV 2015",
    "202,599 rows of 40 attributes; split 162,770 / 19,867 / 19,962", 202_599,
    (
        File(
            "celeba/list_attr_celeba.txt",
            "f0e5da289d5ccf75ffe8811132694922b60f2af59256ed362afa03fefba324d0", 26721026, "celeba/list_attr_celeba.csv",
        ),
        File(
            "celeba/list_eval_partition.txt",
            "fc955bcb3ef8fbdf7d5640d9a8693a8431b5f2ee291a5c1449a1549e7e073fe7", 2836386,
            "celeba/list_eval_partition.csv",
        ),
    ),
    CELEBA_IMAGES,
    steps=(
        "open the page, agree to its terms, and take from its Google Drive: Img/img_align_celeba.zip (1.4 GB), "
        "Anno/list_attr_celeba.txt and Eval/list_eval_partition.txt",
        "put the two text files into {root}/celeba/ and unpack the zip there, so that "
        "{root}/celeba/img_align_celeba/000001.jpg is the first image",
        'if Google Drive says "quota exceeded", come back the next day: the file it gives then is a web page, no zip',
    ),
)

SKIN_TONE = DataSet(
    "celeba-skin-tone", "CelebA's skin tone", "Predicted skin tones of CelebA's images",
    "https://github.com/abacusai/intraprocessing_debiasing", "no licence stated; research use",
    "Savani, White, Govindarajulu: Intra-Processing Methods for Debiasing Neural Networks. NeurIPS 2020",
    "2 arrays of 202,599 scores", 202_599,
    (
        File(
            "celeba/skin-tone/fitz_dark.npy",
            "242046dd4cb578386d015ce7ec01a8bb20bf8255a7861ba617dc84f0133fb01c", 1620920,
        ),
        File(
            "celeba/skin-tone/fitz_light.npy",
            "fd5c2f8ed612e39240914e69894248c3bdf61688e599754b0ccfbdeea51fa00d", 1620920,
        ),
    ),
    steps=("take fitz_dark.npy and fitz_light.npy from the page's code and put them into {root}/celeba/skin-tone/",),
)

LFW = DataSet(
    "lfw", "LFW", "Labeled Faces in the Wild with attributes", "http://vis-www.cs.umass.edu/lfw/",
    "no licence stated; research use",
    "Huang, Ramesh, Berg, Learned-Miller: LFW, UMass TR 07-49, 2007; Kumar, Berg, Belhumeur, Nayar: Attribute and "
    "Simile Classifiers for Face Verification. ICCV 2009",
    "13,233 images of 5,749 people; attributes of 13,143 images", 13_143,
    (File("lfw/lfw_attributes.txt"),), Images("lfw", 13233, rf"([^/]+)/\1_[0-9]{{4}}{PICTURE}", inner=True),
    downloads=(
        Download(
            ("https://ndownloader.figshare.com/files/5976018", "http://vis-www.cs.umass.edu/lfw/lfw.tgz"), "gzip",
            folder="lfw", sha256="055f7d9c632d7370e6fb4afc7468d40f970c34a80d4c6f50ffec63f5a8d536c0",
        ),
        Download(
            ("http://www.cs.columbia.edu/CAVE/databases/pubfig/download/lfw_attributes.txt",), "text",
            "lfw/lfw_attributes.txt",
        ),
    ),
)

FAIRFACE = DataSet(
    "fairface", "FairFace", "FairFace, padding 0.25", "https://github.com/joojs/fairface", "CC BY 4.0",
    "Karkkainen, Joo: FairFace: Face Attribute Dataset for Balanced Race, Gender, and Age. WACV 2021",
    "86,744 + 10,954 rows and images", 97_698,
    (
        File(
            "fairface/fairface_label_train.csv",
            "90624451f2214ae1aa84021ae51c19ce45a375bd0bff901b935feadc59514795", 3793020,
        ),
        File(
            "fairface/fairface_label_val.csv",
            "19906f6917373dc19385e23ff0bacb75767fd0f99569ae6201d268af33d4c96b", 447631,
        ),
    ),
    Images("fairface", 97698, rf"(train|val)/[0-9]+{PICTURE}", inner=True),
    steps=(
        'open the page, section "Data", and take from Google Drive the images with padding 0.25 and both label files',
        "put fairface_label_train.csv and fairface_label_val.csv into {root}/fairface/ and unpack the images there, so "
        "that {root}/fairface/train/1.jpg and {root}/fairface/val/1.jpg exist; open no CSV in a spreadsheet program",
    ),
)

DATA_SETS = {d.name: d for d in (ADULT, COMPAS, BANK, CIFAR10, UTKFACE, CELEBA, SKIN_TONE, LFW, FAIRFACE)}
