/** A few sentences in many languages and scripts. */
export const LANGUAGES = {
  English:
    "The agent reads the whole file before it changes a line. It doesn't guess; it looks things up, and when it can't find them, it says so.",
  German:
    'Die Geschwindigkeit hängt von der größten Datei ab. Überprüfe außerdem, ob die Rückgabewerte der Donaudampfschifffahrtsgesellschaft übereinstimmen.',
  French:
    "L'élève a déjà reçu l'œuvre qu'il cherchait à Noël. Où est passée la clé ? « Ici », répondit-elle, ça va être long aujourd'hui.",
  Spanish:
    '¿Cuántos años tiene el niño? ¡Mañana cumplirá diez! La señora del pingüino volvió de España después de la reunión.',
  Portuguese:
    'As crianças não dormiram à noite porque fazia muito calor. O avô comprou pão, maçã e açúcar na estação de São João.',
  Italian: "Perché la città è così rumorosa? L'università aprirà più tardi, ma il caffè dell'angolo è già pieno.",
  Dutch:
    "De kinderen fietsen 's ochtends naar school in de regen. Het ijs op de gracht is nog niet dik genoeg, zei het meisje.",
  Polish:
    'Zażółć gęślą jaźń, powiedział źle wychowany chłopiec. Wczoraj śnieg padał przez całą noc w Łodzi i w Gdańsku.',
  Czech: 'Příliš žluťoučký kůň úpěl ďábelské ódy. Učitelka řekla, že dnešní úkol není těžký, ale nikdo jí nevěřil.',
  Hungarian:
    'Az őszi eső után a gyerekek hűvös, fűszeres teát ittak. Megszentségteleníthetetlenségeskedéseitekért ő nem felel.',
  Romanian: 'Știința și tehnica țării cresc încet. Mâine dimineață își vor lua rămas-bun și vor pleca în București.',
  Turkish:
    "İstanbul'da ışıklar gece boyunca söndürülmedi. Çocuklar güneşli günlerde ağaçların altında şarkı söylüyor. IĞDIR ılık.",
  Finnish:
    'Yöllä järven yllä näkyi revontulia. Lentokonesuihkuturbiinimoottoriapumekaanikko söi hyvää mustikkapiirakkaa äitinsä luona.',
  Swedish: 'På våren går vi över ängen till ån. Åtta sjösjuka sjömän sköttes av sju sköna sjuksköterskor på skeppet.',
  Icelandic: 'Þegar veðrið er gott förum við út á sjó. Ég þekki ekki æðina í hendinni, sagði læknirinn við Ásgeir.',
  Russian:
    'Быстрая лиса перепрыгнула через ленивую собаку. Объём памяти ограничен, поэтому всё лишнее удаляется; ёлка стоит у окна.',
  Ukrainian: "Щодня їжак їсть ґрунтові ягоди біля річки. Завтра ми поїдемо до Києва, бо там відбудеться з'їзд.",
  Bulgarian: 'Утре времето ще бъде слънчево и топло. Ученикът прочете книгата за един ден и я върна в библиотеката.',
  Serbian: 'Љубав је лепа ствар, рече Ђорђе и насмеја се. Џем од шљива стоји на полици у кухињи. ǅep, ǈubav, ǋegoš.',
  Greek:
    'Η γρήγορη αλεπού πηδάει πάνω από τον τεμπέλη σκύλο. Ποιος έγραψε αυτό το βιβλίο; Κανείς δεν ξέρει, ΌΛΟΙ ΡΩΤΟΎΝ.',
  Armenian: 'Երեխաները խաղում են այգում, երբ արևը մայր է մտնում։ Այս գիրքը շատ հետաքրքիր է։',
  Georgian: 'ბავშვები ბაღში თამაშობენ და მზე ანათებს. ხვალ თბილისში წვიმა მოვა, თქვა ბებიამ.',
  Chinese: '这个程序先读取整个文件，然后再修改其中的一行。如果找不到答案，它会直接说明，而不是猜测。今天天气很好！',
  TraditionalChinese: '圖書館裡的學生正在討論資料結構與演算法。請問車站怎麼走？先往前走，再轉右邊。',
  Japanese:
    '東京タワーの近くでラーメンを食べました。このプログラムは、ファイルを一行ずつ読み込んでから処理します。ｶﾀｶﾅとひらがな。',
  Korean: '빠른 갈색 여우가 게으른 개를 뛰어넘습니다. 오늘은 날씨가 좋아서 공원에서 책을 읽었어요. 감사합니다!',
  Arabic: 'يقرأ البرنامج الملف كله قبل أن يغيّر سطرًا واحدًا. هل وصلت الرسالة؟ نعم، وصلت في الساعة ١٢:٣٠ صباحًا.',
  Persian: 'کتاب‌های تازه روی میز است و هوا امروز سرد شده. شمارهٔ تلفن او ۰۲۱۱۲۳۴۵ است، می‌خواهم زنگ بزنم.',
  Urdu: 'بچے باغ میں کھیل رہے ہیں اور سورج چمک رہا ہے۔ کیا آپ کل لاہور جائیں گے؟',
  Hebrew: 'הילדים משחקים בגן והשמש זורחת. מתי תגיע הרכבת לתל־אביב? שָׁלוֹם לְכֻלָּם, אמר המורה.',
  Hindi: 'बच्चे बगीचे में खेल रहे हैं और सूरज चमक रहा है। क्या आप कल दिल्ली जाएँगे? मूल्य १२३४५ रुपये है।',
  Bengali: 'ছেলেমেয়েরা বাগানে খেলছে আর রোদ উঠেছে। তুমি কি কাল ঢাকায় যাবে? দাম ৪৫৬ টাকা।',
  Tamil: 'குழந்தைகள் தோட்டத்தில் விளையாடுகிறார்கள். நாளை மழை பெய்யும் என்று பாட்டி சொன்னார்.',
  Telugu: 'పిల్లలు తోటలో ఆడుకుంటున్నారు. రేపు వర్షం పడుతుందని అమ్మమ్మ చెప్పింది.',
  Thai: 'เด็ก ๆ กำลังเล่นอยู่ในสวนสาธารณะ พรุ่งนี้ฝนจะตกหนักมาก ราคา ๙๙ บาท น้ำใจงาม',
  Lao: 'ເດັກນ້ອຍກຳລັງຫຼິ້ນຢູ່ໃນສວນ ມື້ອື່ນຝົນຈະຕົກ.',
  Khmer: 'ក្មេងៗកំពុងលេងនៅក្នុងសួន។ ថ្ងៃស្អែកនឹងមានភ្លៀង។',
  Burmese: 'ကလေးများ ဥယျာဉ်ထဲတွင် ကစားနေကြသည်။ မနက်ဖြန် မိုးရွာမည်။',
  Vietnamese:
    'Những đứa trẻ đang chơi trong vườn dưới ánh nắng. Ngày mai trời sẽ mưa rất to ở Hà Nội, bà ngoại nói vậy.',
  Indonesian:
    'Anak-anak bermain di taman ketika matahari bersinar. Kupu-kupu itu terbang ke rumah tetangga kemarin sore.',
  Swahili: 'Watoto wanacheza bustanini wakati jua linawaka. Kesho tutasafiri kwenda Mombasa kwa treni ya asubuhi.',
  Amharic: 'ልጆቹ በአትክልቱ ስፍራ ይጫወታሉ። ነገ ዝናብ ይዘንባል አለች አያቴ።',
};
